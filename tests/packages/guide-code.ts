import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

const GUIDE = readFileSync(path.resolve(import.meta.dirname, '../../docs/guides/embedding.md'), 'utf8');

/** The files of the guide: each block of TypeScript begins with the name of its file. */
export const GUIDE_FILES: ReadonlyMap<string, string> = new Map(
  [...GUIDE.matchAll(/^```tsx?\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)].map(([, file = '', code = '']) => [file, code]),
);

/** How many blocks there are, with a name or without. */
export const GUIDE_BLOCKS = [...GUIDE.matchAll(/^```tsx?$/gm)].length;

export async function writeGuideFiles(folder: string): Promise<void> {
  for (const [name, code] of GUIDE_FILES) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, code);
  }
}
