import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CofreError } from '@cofre/contracts';

export interface WebApp {
  /** The app in the checkout. */
  readonly folder: string;
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Ends a build that is under way. */
  readonly signal?: AbortSignal | undefined;
}

/** What a build is made from, below the checkout. */
const SOURCES = ['apps/web/src', 'apps/web/messages', 'packages'] as const;
const SINGLE_FILES = [
  'apps/web/next.config.ts',
  'apps/web/package.json',
  'apps/web/postcss.config.mjs',
  'package-lock.json',
];
const IS_SOURCE = /\.(tsx?|css|json|svg)$/;
const IS_NO_SOURCE = /(^|\/)(node_modules|dist)\/|\.test\.tsx?$/;

/** The program that builds and serves it. */
export function nextProgram(folder: string): string {
  return path.resolve(folder, '../../node_modules/next/dist/bin/next');
}

/** Builds what is served, where there is no build or a source is another than it was made from. */
export async function ensureWebBuild(app: WebApp, onBuild: () => void): Promise<void> {
  const build = path.join(app.folder, app.variables['COFRE_WEB_BUILD'] ?? '.next');
  // Written last: a build that was broken off has none.
  const note = path.join(build, 'made-from');
  const sources = await fingerprint(path.resolve(app.folder, '../..'));
  if ((await readFile(note, 'utf8').catch(() => null)) === sources) return;
  onBuild();
  const output: Buffer[] = [];
  const child = spawn(process.execPath, [nextProgram(app.folder), 'build'], {
    cwd: app.folder,
    env: { ...app.variables, NEXT_TELEMETRY_DISABLED: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk));
  const end = () => void child.kill('SIGKILL');
  app.signal?.addEventListener('abort', end);
  if (app.signal?.aborted === true) end();
  await once(child, 'close');
  app.signal?.removeEventListener('abort', end);
  if (app.signal?.aborted === true)
    throw new CofreError('backup/interrupted', 'Interrupted while the web admin was built. Nothing was started.');
  if (child.exitCode !== 0) {
    const words = Buffer.concat(output).toString().trim().split('\n').slice(-LINES_SHOWN).join('\n');
    throw new CofreError('serve/build-failed', `The web admin could not be built:\n${words}\nNothing was started.`);
  }
  await writeFile(note, sources);
}

const LINES_SHOWN = 30;

/** Changes with the name, the size and the time of every source. */
async function fingerprint(checkout: string): Promise<string> {
  const listed = await Promise.all(
    SOURCES.map(async (folder) => {
      const found = await readdir(path.join(checkout, folder), { recursive: true, withFileTypes: true });
      return found.flatMap((entry) => {
        const file = path.relative(checkout, path.join(entry.parentPath, entry.name));
        return entry.isFile() && IS_SOURCE.test(file) && !IS_NO_SOURCE.test(file) ? [file] : [];
      });
    }),
  );
  const hash = createHash('sha256');
  for (const file of [...listed.flat(), ...SINGLE_FILES].toSorted()) {
    const { size, mtimeMs } = await stat(path.join(checkout, file));
    hash.update(`${file}\0${size}\0${mtimeMs}\n`);
  }
  return hash.digest('hex');
}
