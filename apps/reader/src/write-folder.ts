import { mkdir, open, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { CofreError } from '@cofre/contracts';
import type { ExportFile } from '@cofre/engine';

/** Only for who runs the program: what was encrypted is plain here. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/** Writes an export into a new or empty folder; where not all of it could be, nothing stays that looks whole. */
export async function writeFolder(folder: string, files: AsyncIterable<ExportFile>): Promise<void> {
  await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
  if ((await readdir(folder)).length > 0)
    throw new CofreError('usage/invalid', `The folder ${folder} is not empty. Nothing was written.`);
  const written: string[] = [];
  try {
    for await (const { name, chunks } of files) {
      const target = path.join(folder, name);
      const handle = await open(target, 'wx', FILE_MODE);
      written.push(target);
      try {
        for await (const chunk of chunks) await handle.writeFile(chunk);
      } finally {
        await handle.close();
      }
    }
  } catch (error) {
    await Promise.all(written.map((target) => rm(target, { force: true })));
    throw error;
  }
}
