import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import tailwind from '@tailwindcss/postcss';
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';
import postcss from 'postcss';
import { scopeStyles } from './scope-styles.ts';

const app = import.meta.dirname;
const embed = path.join(app, 'src/embed');
const standIn = (name: string) => path.join(embed, 'stand-ins', name);
const server = (name: string) => path.join(app, 'src/server', name);

/** What the web admin has for itself, and what stands in its place in somebody else's application (ADR 7). */
const IN_BROWSERS = new Map([
  ['next/link', standIn('link.tsx')],
  ['radix-ui', standIn('radix-ui.tsx')],
  [path.join(app, 'src/lib/way-back.ts'), standIn('way-back.ts')],
]);
const ON_SERVERS = new Map([
  ['next-intl/server', standIn('translations.ts')],
  [server('compose.ts'), standIn('compose.ts')],
  [server('viewer.ts'), standIn('viewer.ts')],
  [server('log.ts'), standIn('log.ts')],
]);

/** The application that we are built into has them. */
const PEERS = { next: '>=16', react: '>=19.2', 'react-dom': '>=19.2' };
const PEER_MODULES = Object.keys(PEERS).flatMap((name) => [name, `${name}/*`]);

const BROWSER_ENTRIES = ['browser-provider', 'ImplementationDetailsPanel', 'ModuleBackupManager'] as const;

const COMMON = {
  absWorkingDir: app,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  // Names stay, for who looks for a fault; the host's own build makes it as small as it likes.
  minifySyntax: true,
  minifyWhitespace: true,
  define: { 'process.env.NODE_ENV': '"production"' },
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
} satisfies BuildOptions;

/**
 * Bundles the web admin's components and actions for somebody else's application, as the package `@cofre/next`. Its types are
 * the compiler's: `tsc -b` comes first. Gives the package's manifest, without what all our packages have in common.
 */
export async function buildNextPackage(folder: string): Promise<Readonly<Record<string, unknown>>> {
  await mkdir(folder, { recursive: true });
  const metafiles = await Promise.all([bundleBrowser(folder), bundlePages(folder), bundleServer(folder)]);
  const [browser, , onServer] = metafiles;
  checkActions(browser, onServer);
  await writeFile(path.join(folder, 'styles.css'), await compileStyles(folder));
  await writeFile(path.join(folder, 'THIRD-PARTY.txt'), await thirdParties(metafiles));
  await cp(path.join(embed, 'README.md'), path.join(folder, 'README.md'));
  const dependencies = await dependenciesOf(onServer);
  await copyTypes(folder, Object.keys({ ...dependencies, ...PEERS }));
  return {
    name: '@cofre/next',
    description: 'The backups of a module on a page of your own Next.js application.',
    sideEffects: ['*.css'],
    exports: {
      '.': { types: './types/index.d.ts', default: './index.js' },
      './server': { types: './types/server.d.ts', default: './server.js' },
      './styles.css': './styles.css',
    },
    dependencies,
    peerDependencies: PEERS,
  };
}

async function bundleBrowser(folder: string): Promise<Metafile> {
  const { metafile } = await build({
    ...COMMON,
    entryPoints: BROWSER_ENTRIES.map((name) => path.join(embed, 'browser', `${name}.tsx`)),
    outdir: path.join(folder, 'browser'),
    splitting: true,
    platform: 'browser',
    external: PEER_MODULES,
    banner: { js: "'use client';" },
    inject: [standIn('event-source.ts')],
    plugins: [standIns(IN_BROWSERS), remoteActions()],
  });
  return metafile;
}

/** What pages import: the provider's half on the server. The components stay in files of their own, which say `use client`. */
async function bundlePages(folder: string): Promise<Metafile> {
  const { metafile } = await build({
    ...COMMON,
    entryPoints: [path.join(embed, 'index.ts')],
    outdir: folder,
    chunkNames: 'words/[name]-[hash]',
    splitting: true,
    platform: 'node',
    external: PEER_MODULES,
    plugins: [browserFiles()],
  });
  return metafile;
}

async function bundleServer(folder: string): Promise<Metafile> {
  const { metafile } = await build({
    ...COMMON,
    entryPoints: [path.join(embed, 'server.ts')],
    outfile: path.join(folder, 'server.js'),
    platform: 'node',
    external: [...PEER_MODULES, '@cofre/*', 'zod'],
    plugins: [standIns(ON_SERVERS)],
  });
  return metafile;
}

/** Replaces packages by their name, and our own files by their path, except where a stand-in itself asks for them. */
function standIns(replaced: ReadonlyMap<string, string>): Plugin {
  const seen = Symbol('seen');
  return {
    name: 'stand-ins',
    setup({ onResolve, resolve }) {
      onResolve({ filter: /^[^/]/ }, async ({ path: asked, pluginData, ...from }) => {
        const isAsked = pluginData === seen || from.kind === 'entry-point';
        if (isAsked || from.importer.startsWith(path.join(embed, 'stand-ins'))) return undefined;
        const named = replaced.get(asked);
        if (named !== undefined) return { path: named };
        if (!/^[.#]/.test(asked)) return undefined;
        const found = await resolve(asked, { ...from, pluginData: seen });
        const own = replaced.get(found.path);
        return own === undefined ? undefined : { path: own };
      });
    },
  };
}

const ACTIONS = /\/src\/app\/actions\/.+\.ts$/;

/** As Next does for its own bundle of browsers: of a file of server actions only their names come along. */
function remoteActions(): Plugin {
  return {
    name: 'remote-actions',
    setup({ onLoad }) {
      onLoad({ filter: ACTIONS }, async ({ path: file }) => {
        const source = await readFile(file, 'utf8');
        const names = [...source.matchAll(/^export async function (\w+)/gm)].map(([, name]) => name);
        const lines = names.map((name) => `export const ${name} = /* @__PURE__ */ remoteAction('${name}');`);
        const from = path.join(embed, 'browser/remote-action.ts');
        return { contents: [`import { remoteAction } from '${from}';`, ...lines].join('\n') };
      });
    },
  };
}

function browserFiles(): Plugin {
  return {
    name: 'browser-files',
    setup({ onResolve }) {
      onResolve({ filter: /^\.\/browser\// }, ({ path: asked }) => ({
        path: asked.replace(/\.tsx?$/, '.js'),
        external: true,
      }));
    },
  };
}

/** What a component calls must be answered by the server's half. */
function checkActions(browser: Metafile, onServer: Metafile): void {
  const called = Object.keys(browser.inputs).filter((file) => ACTIONS.test(`/${file}`));
  const missing = called.filter((file) => onServer.inputs[file] === undefined);
  if (called.length === 0 || missing.length > 0)
    throw new Error(`Components call actions that are not offered: ${missing.join(', ') || 'none was seen'}`);
}

async function compileStyles(folder: string): Promise<string> {
  const file = path.join(app, 'src/app/globals.css');
  const everything = '@import "tailwindcss";';
  const globals = await readFile(file, 'utf8');
  if (!globals.includes(everything)) throw new Error(`${file} does not import Tailwind as it did`);
  const source = globals.replace(
    everything,
    `@import "tailwindcss" source(none);\n@source "${path.join(folder, 'browser')}/*.js";`,
  );
  const { css } = await postcss([tailwind({ base: app, optimize: true })]).process(source, { from: file });
  return scopeStyles(css);
}

const manifestOf = async (folder: string) =>
  JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as {
    readonly name: string;
    readonly version: string;
    readonly license?: string;
    readonly dependencies?: Readonly<Record<string, string>>;
  };

/** What the bundle imports and does not bring, as this app has it. */
async function dependenciesOf({ outputs }: Metafile): Promise<Readonly<Record<string, string>>> {
  const { dependencies = {} } = await manifestOf(app);
  const imported = Object.values(outputs).flatMap(({ imports }) => imports.map((it) => it.path));
  const names = imported.map((it) => it.match(/^(@[^/]+\/)?[^/]+/)?.[0] ?? it).filter((it) => !it.startsWith('node:'));
  const wanted = [...new Set(names)].filter((name) => !Object.hasOwn(PEERS, name)).toSorted();
  return Object.fromEntries(
    wanted.map((name) => {
      const version = dependencies[name];
      if (version === undefined) throw new Error(`${name} is not among the dependencies of the web admin`);
      return [name, version];
    }),
  );
}

/** Whose work is inside of the bundles, with their terms, which have to come along. */
async function thirdParties(metafiles: readonly Metafile[]): Promise<string> {
  const inputs = metafiles.flatMap((it) =>
    Object.values(it.outputs).flatMap((output) => Object.entries(output.inputs)),
  );
  const folders = inputs
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([file]) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0])
    .filter((folder) => folder !== undefined);
  const parts = [...new Set(folders)].toSorted().map(async (relative) => {
    const folder = path.resolve(app, relative);
    const { name, version, license } = await manifestOf(folder);
    const file = (await readdir(folder)).find((it) => /^licen[cs]e(\.|$)/i.test(it));
    const terms =
      file === undefined ? `License: ${license ?? 'unknown'}` : await readFile(path.join(folder, file), 'utf8');
    return `${name} ${version}\n\n${terms.trim()}\n`;
  });
  return (await Promise.all(parts)).join(`\n${'-'.repeat(78)}\n\n`);
}

/** The declarations that the entries lead to. What others see must not lead into the web admin's own files. */
async function copyTypes(folder: string, offered: readonly string[]): Promise<void> {
  const compiled = path.join(app, 'dist/types/src/embed');
  const target = path.join(folder, 'types');
  const pending = ['index.d.ts', 'server.d.ts'];
  for (const file of pending) {
    const text = await readFile(path.join(compiled, file), 'utf8');
    for (const [, specifier = ''] of text.matchAll(/(?:from |import\()'([^']+)'/g)) {
      if (offered.includes(specifier)) continue;
      if (!specifier.startsWith('.'))
        throw new Error(`The types of @cofre/next show ${specifier}, which hosts may not have`);
      const next = path.join(path.dirname(file), specifier.replace(/\.tsx?$/, '.d.ts'));
      if (!pending.includes(next)) pending.push(next);
    }
    await mkdir(path.dirname(path.join(target, file)), { recursive: true });
    await writeFile(path.join(target, file), text.replaceAll(/(from |import\()'(\.[^']+)\.tsx?'/g, "$1'$2.js'"));
  }
}
