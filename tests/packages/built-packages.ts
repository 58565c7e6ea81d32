import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { buildPackages, packPackages, type Tarball } from '../../script/build-packages.ts';

const run = promisify(execFile);
const checkout = path.resolve(import.meta.dirname, '../..');

/** Builds and packs as `script/build-packages` does, into a folder of the test. */
export async function makePackages(folder: string): Promise<readonly Tarball[]> {
  // What it says of the types is for the lint; here it is asked for its declarations.
  const compiler = path.join(checkout, 'node_modules/typescript/bin/tsc');
  await run(process.execPath, [compiler, '-b', 'packages/setup', 'apps/web'], { cwd: checkout }).catch(() => undefined);
  await buildPackages(folder);
  return packPackages(folder);
}

/** What npm does with a tarball, without asking a registry for what it depends on. */
export async function unpack(tarball: string, folder: string): Promise<void> {
  await run('tar', ['--extract', '--gzip', '--file', tarball, '--directory', folder, '--strip-components=1']);
}
