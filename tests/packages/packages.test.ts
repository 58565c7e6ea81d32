import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addImplementation } from '../../packages/services/src/index.ts';
import { openStore } from '../../packages/storage/src/index.ts';
import type { ActionResult } from '../../packages/contracts/src/index.ts';
import { LIBRARIES, type Tarball } from '../../script/build-packages.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { costlyTestServers, IS_LONG } from '../support/long-tests.ts';
import { createShop, type TestService } from '../support/service-context.ts';
import { makePackages, unpack } from './built-packages.ts';
import { GUIDE_BLOCKS, GUIDE_FILES, writeGuideFiles } from './guide-code.ts';

const run = promisify(execFile);
const checkout = path.resolve(import.meta.dirname, '../..');
const START_MS = 600_000;

let work: string;
/** In the checkout: what packages depend on is found in its node_modules, and they themselves in a nearer one. */
let installed: string;
let tarballs: readonly Tarball[];
let db: TestDatabase;
let shop: TestService;
let implementation: string;
let variables: Readonly<Record<string, string>>;
let createCofre: ServerHalf['createCofre'];
let cofre: Cofre;

const PEOPLE = {
  ana: '11111111-1111-4111-8111-111111111111',
  vera: '22222222-2222-4222-8222-222222222222',
  carl: '33333333-3333-4333-8333-333333333333',
};
const HOST = 'https://app.example';

/** What `createCofre` of `@cofre/next/server` gives. */
interface Cofre {
  answer(call: unknown): Promise<ActionResult<unknown>>;
  viewer(): Promise<{ readonly isAdministrator: boolean } | null>;
}

interface ServerHalf {
  createCofre(options: {
    readonly environment: Readonly<Record<string, string>>;
    readonly userId: () => Promise<string | null>;
    readonly onUnforeseen: (error: unknown) => void;
  }): Cofre;
}

interface Asking {
  readonly userId?: string | null;
  /** null: the browser sent none. */
  readonly origin?: string | null;
}

/** The request that is being answered: a stand-in for Next reads its headers here, and the application who sent it. */
const request = { headers: new Headers(), userId: null as string | null };
const unforeseen: unknown[] = [];

beforeAll(async () => {
  if (!IS_LONG) return;
  work = await mkdtemp(path.join(tmpdir(), 'cofre-packages-'));
  await mkdir(path.join(checkout, 'dist'), { recursive: true });
  installed = await mkdtemp(path.join(checkout, 'dist/test-packages-'));
  tarballs = await makePackages(path.join(work, 'packages'));
  for (const { name, filename } of tarballs) {
    await mkdir(folderOf(name), { recursive: true });
    await unpack(path.join(work, 'packages', filename), folderOf(name));
  }
  await writeGuideFiles(installed);
  await startShop();
  await standInForNext(path.join(folderOf('@cofre/next'), 'node_modules/next'));
  const half = pathToFileURL(path.join(folderOf('@cofre/next'), 'server.js')).href;
  ({ createCofre } = (await import(half)) as ServerHalf);
  cofre = createCofre({
    environment: variables,
    userId: () => Promise.resolve(request.userId),
    onUnforeseen: (error) => unforeseen.push(error),
  });
}, START_MS);

/** A shop with people, as an application has them: the role of each is in what only servers write. */
async function startShop(): Promise<void> {
  const [newest] = costlyTestServers();
  if (newest === undefined) throw new Error('a run has at least one server');
  db = await createTestDatabase(newest, { template: 'migrated' });
  const repository = pathToFileURL(path.join(work, 'repository')).href;
  shop = await createShop(db, { store: openStore(repository) });
  ({ id: implementation } = await addImplementation(shop.context, {
    module: 'shop',
    key: 'one',
    scope: { store_id: 1 },
  }));
  for (const [name, role] of [
    ['ana', 'admin'],
    ['vera', 'viewer'],
    ['carl', null],
  ] as const)
    await db.query(`INSERT INTO auth.users (id, email, raw_app_meta_data) VALUES ($1, $2, $3)`, [
      PEOPLE[name],
      `${name}@example.org`,
      role === null ? {} : { role },
    ]);
  variables = { DATABASE_URL: db.url, COFRE_HOME: path.join(work, 'home'), COFRE_REPOSITORY: repository };
}

/** Its modules have no address that Node alone understands; of these two the server's half needs two functions. */
async function standInForNext(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  Reflect.set(globalThis, 'requestOfTheTest', request);
  const files = {
    'package.json': JSON.stringify({ name: 'next', type: 'module', exports: { './*': './*.js' } }),
    'headers.js': 'export const headers = () => Promise.resolve(globalThis.requestOfTheTest.headers);',
    'navigation.js': 'export const unstable_rethrow = () => undefined;',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
}

afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
  await db?.drop();
  for (const folder of [work, installed]) if (folder) await rm(folder, { recursive: true, force: true });
});

const folderOf = (name: string) => path.join(installed, 'node_modules', name);

interface PackedManifest {
  readonly exports?: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const manifestOf = async (name: string) =>
  JSON.parse(await readFile(path.join(folderOf(name), 'package.json'), 'utf8')) as PackedManifest;

const isCode = (file: string) => /\.(js|mjs|d\.ts)$/.test(file);

describe.runIf(IS_LONG)('what is packed', () => {
  it('is every library, the command line and the components', () => {
    const names = [...LIBRARIES, 'cli', 'next'].map((name) => `@cofre/${name}`);
    expect(tarballs.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
  });

  it('holds no source, no test, no map and no path of the machine that built it', async () => {
    for (const { name, files } of tarballs) {
      const strange = files
        .map((it) => it.path)
        .filter((it) => !/(\.(js|mjs|d\.ts|css|sql|md|txt)|\/|^)(LICENSE|package\.json)?$/.test(it));
      expect(strange, name).toEqual([]);
      expect(
        files.filter((it) => /\.(test|spec)\.|(?<!\.d)\.tsx?$|\.map$|^src\//.test(it.path)),
        name,
      ).toEqual([]);
      for (const { path: file } of files) {
        const text = await readFile(path.join(folderOf(name), file), 'utf8');
        expect(text.includes(checkout), `${name}: ${file}`).toBe(false);
        expect(text.includes('sourceMappingURL=cofre') || text.includes(tmpdir() + '/cofre-'), file).toBe(false);
      }
      expect(files.map((it) => it.path)).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json']));
    }
  });

  it('exports files that are there, and may be published', async () => {
    for (const { name } of tarballs) {
      const { exports = {}, bin = {}, private: isPrivate } = await manifestOf(name);
      expect(isPrivate, name).toBeUndefined();
      const targets = Object.values(exports).flatMap((it) => (typeof it === 'string' ? [it] : [it.types, it.default]));
      expect(targets.length + Object.keys(bin).length, name).toBeGreaterThan(0);
      for (const target of [...targets, ...Object.values(bin)])
        expect(existsSync(path.join(folderOf(name), target)), `${name}: ${target}`).toBe(true);
    }
  });

  it('imports nothing that its manifest does not ask for', async () => {
    for (const { name, files } of tarballs.filter((it) => it.name !== '@cofre/cli')) {
      const { dependencies, peerDependencies } = await manifestOf(name);
      const asked = Object.keys({ ...dependencies, ...peerDependencies });
      for (const { path: file } of files.filter((it) => isCode(it.path))) {
        const text = await readFile(path.join(folderOf(name), file), 'utf8');
        const { importedFiles } = ts.preProcessFile(text, true, true);
        const bare = importedFiles.map((it) => it.fileName).filter((it) => !it.startsWith('.'));
        const packages = bare.map((it) => /^(@[^/]+\/)?[^/]+/.exec(it)?.[0] ?? it);
        expect(
          packages.filter((it) => !it.startsWith('node:') && !builtinModules.includes(it) && !asked.includes(it)),
          `${name}: ${file}`,
        ).toEqual([]);
      }
    }
  });
});

describe.runIf(IS_LONG)('the components', () => {
  const browserFiles = async () => {
    const { files } = tarballs.find(({ name }) => name === '@cofre/next') ?? { files: [] };
    const wanted = files.map((it) => it.path).filter((it) => it.startsWith('browser/'));
    return Promise.all(wanted.map((it) => readFile(path.join(folderOf('@cofre/next'), it), 'utf8')));
  };

  it('each file of theirs is for browsers, and leads to no address that only the web admin has', async () => {
    const texts = await browserFiles();
    expect(texts.length).toBeGreaterThan(3);
    for (const text of texts) expect(text).toMatch(/^['"]use client['"];/);
    const addresses = texts.flatMap((text) => text.match(/(?<=["`'])\/[a-z][a-z/-]*[a-z]/g) ?? []);
    // The first is replaced by what the host says; nothing is opened at the second.
    expect(new Set(addresses)).toEqual(new Set(['/admin/modules', '/admin/jobs/events']));
  });

  it('every rule of their styles is held to what is within the provider, in both looks', async () => {
    const css = await readFile(path.join(folderOf('@cofre/next'), 'styles.css'), 'utf8');
    const rules = css.replaceAll(/\/\*[\s\S]*?\*\//g, '').match(/(?<=^|[{};])[^@{};]+(?=\{)/g) ?? [];
    const ofPages = rules.map((it) => it.trim()).filter((it) => !/^(\.cofre\b|from$|to$|[\d.%, ]+$)/.test(it));
    expect(rules.length).toBeGreaterThan(300);
    expect(ofPages).toEqual([]);
    expect(css).not.toContain('@layer');
    for (const look of ['.cofre.dark', '.cofre:not(.light']) expect(css).toContain(look);
  });
});

describe.runIf(IS_LONG)('what was installed from it', () => {
  it('Node imports every library, with the same exports as the sources', async () => {
    for (const name of LIBRARIES) {
      const packed = (await import(
        pathToFileURL(path.join(folderOf(`@cofre/${name}`), 'dist/index.js')).href
      )) as object;
      const source = (await import(path.join(checkout, 'packages', name, 'src/index.ts'))) as object;
      expect(Object.keys(packed).toSorted(), name).toEqual(Object.keys(source).toSorted());
    }
  });

  it('the command line runs, and brings the migrations', async () => {
    const program = path.join(folderOf('@cofre/cli'), 'bin/cofre.mjs');
    const { stdout } = await run(process.execPath, [program, '--help']);
    expect(stdout).toContain('backup');
    expect(existsSync(path.join(folderOf('@cofre/cli'), 'dist/migrations'))).toBe(true);
  });

  it('its types, and every block of the guide, pass the compiler as strict as it gets', () => {
    expect(GUIDE_FILES.size).toBe(GUIDE_BLOCKS);
    const files = [...GUIDE_FILES.keys()].map((file) => path.join(installed, file));
    const program = ts.createProgram(files, COMPILER);
    const ours = program.getSourceFiles().filter((it) => it.fileName.startsWith(installed));
    const seen = ours.filter((it) => it.fileName.includes('/node_modules/@cofre/')).length;
    expect(seen).toBeGreaterThan(100);
    const faults = ours.flatMap((it) => [
      ...program.getSyntacticDiagnostics(it),
      ...program.getSemanticDiagnostics(it),
    ]);
    expect(ts.formatDiagnostics(faults, FORMAT)).toBe('');
  });

  it('the guide’s program makes a backup, with no file of the checkout', async () => {
    const { stdout } = await run(process.execPath, [path.join(installed, 'backup-first.ts'), 'shop/one'], {
      env: { PATH: process.env['PATH'], ...variables },
    });
    expect(stdout).toMatch(/^[0-9a-f-]{36} is the newest of 1\n$/);
    const { rows } = await db.query(`SELECT status, metadata ->> 'madeBy' AS made_by FROM public.module_backups`);
    expect(rows).toMatchObject([{ status: 'completed' }]);
  });
});

const COMPILER: ts.CompilerOptions = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
  lib: ['lib.es2024.d.ts', 'lib.esnext.d.ts', 'lib.dom.d.ts'],
  target: ts.ScriptTarget.ES2024,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  jsx: ts.JsxEmit.ReactJSX,
  types: ['node'],
  typeRoots: [path.join(checkout, 'node_modules/@types')],
};

const FORMAT: ts.FormatDiagnosticsHost = {
  getCanonicalFileName: (file) => file,
  getCurrentDirectory: () => checkout,
  getNewLine: () => '\n',
};

describe.runIf(IS_LONG)('the server’s half of the components', () => {
  const list = { name: 'listModuleBackups', input: {}, locale: 'en' };
  const make = () => ({ name: 'createModuleBackup', input: { implementation, type: 'full' }, locale: 'en' });
  const ask = async (call: unknown, { userId = null, origin = HOST }: Asking = {}) => {
    request.headers = new Headers(origin === null ? { host: 'app.example' } : { host: 'app.example', origin });
    request.userId = userId;
    const [answer, viewer] = [await cofre.answer(call), await cofre.viewer()];
    expect(unforeseen).toEqual([]);
    return { answer, viewer };
  };

  it('answers an administrator, whose work waits for a worker', async () => {
    const listed = await ask(list, { userId: PEOPLE.ana });
    expect(listed).toMatchObject({
      answer: { success: true, data: { items: [{}] } },
      viewer: { isAdministrator: true },
    });
    const made = await ask(make(), { userId: PEOPLE.ana });
    expect(made.answer).toMatchObject({ success: true, data: { kind: 'create-backup', state: 'waiting' } });
  });

  it('a viewer sees the list and changes nothing, and is told why in the language of the page', async () => {
    expect(await ask(list, { userId: PEOPLE.vera })).toMatchObject({
      answer: { success: true },
      viewer: { isAdministrator: false },
    });
    const words = [];
    for (const locale of ['en', 'pt-BR', 'tlh']) {
      const { answer } = await ask({ ...make(), locale }, { userId: PEOPLE.vera });
      expect(answer).toMatchObject({ success: false, error: { code: 'access/denied' } });
      words.push(answer.success ? '' : answer.error.message);
    }
    const [english, portuguese, other] = words;
    expect(portuguese).not.toBe(english);
    expect(other).toBe(english);
  });

  it.each([
    ['nobody', null, 'access/not-signed-in'],
    ['somebody whom the database does not know', '44444444-4444-4444-8444-444444444444', 'access/not-signed-in'],
    ['a customer', PEOPLE.carl, 'access/denied'],
  ])('%s is refused, and sees no page', async (_who, userId, code) => {
    expect(await ask(list, { userId })).toMatchObject({ answer: { success: false, error: { code } }, viewer: null });
    expect(await ask(make(), { userId })).toMatchObject({ answer: { success: false } });
  });

  it('a call that came from another site is refused, whoever is signed in', async () => {
    for (const origin of [null, 'https://evil.example', 'null']) {
      const { answer } = await ask(make(), { userId: PEOPLE.ana, origin });
      expect(answer).toMatchObject({ success: false, error: { code: 'access/denied' } });
    }
  });

  it('a database that is away is said in words, and is tried again by the next call', async () => {
    const away = createCofre({
      environment: { ...variables, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' },
      userId: () => Promise.resolve(PEOPLE.ana),
      onUnforeseen: (error) => unforeseen.push(error),
    });
    for (const _time of ['first', 'second'])
      expect(await away.answer(list)).toMatchObject({
        success: false,
        error: { code: expect.stringMatching(/^database\//), message: expect.stringContaining(' ') },
      });
    expect(unforeseen).toEqual([]);
  });

  it('a call that names nothing of ours, or is none, is not understood', async () => {
    const forged = ['constructor', '__proto__', 'toString', 'signOut', 'asJob', ''].map((name) => ({ ...list, name }));
    for (const call of [
      ...forged,
      null,
      'listModuleBackups',
      { ...list, actor: 'operator' },
      { ...list, input: { limit: -1 } },
    ]) {
      const { answer } = await ask(call, { userId: PEOPLE.ana });
      expect(answer, JSON.stringify(call)).toMatchObject({ success: false, error: { code: 'usage/invalid' } });
    }
  });
});
