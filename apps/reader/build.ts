import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build, type Plugin } from 'esbuild';

const app = import.meta.dirname;

export const READER_FILE = path.join(app, 'recovery/cofre-reader-1.mjs');

const BANNER = `// The standalone reader of Cofre, version 1: lists and exports the backups of a repository of format 1.
// Needs Node 22.15 or newer and nothing else. How to use it: RECOVERY.md. Prefer the copy of a release to the one that lies
// in a repository: a program that asks for a passphrase should not come from the place that it opens.`;

/** zod's words in fifty languages are two thirds of it, and what it reads is nobody's input. */
const oneLanguage: Plugin = {
  name: 'one-language',
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]zod[/\\]v4[/\\]locales[/\\]index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};

/** One file, the same bytes wherever it is built: no paths of this machine, no dates, names as in the sources. */
export async function buildReader(): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: path.resolve(app, '../..'),
    entryPoints: ['apps/reader/src/main.ts'],
    bundle: true,
    // Of this checkout, also where node_modules is another's.
    alias: Object.fromEntries(
      ['contracts', 'engine', 'storage'].map((it) => [`@cofre/${it}`, `./packages/${it}/src/index.ts`]),
    ),
    preserveSymlinks: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node22.15',
    // Not minified: who wants to know what asks for a passphrase can read it.
    plugins: [oneLanguage],
    charset: 'utf8',
    legalComments: 'inline',
    banner: { js: BANNER },
    logLevel: 'warning',
  });
  return outputFiles[0]?.text ?? '';
}

if (import.meta.main) {
  const text = await buildReader();
  await writeFile(READER_FILE, text);
  const digest = createHash('sha256').update(text).digest('hex');
  process.stdout.write(`${path.relative(process.cwd(), READER_FILE)}: ${text.length} bytes, SHA-256 ${digest}\n`);
}
