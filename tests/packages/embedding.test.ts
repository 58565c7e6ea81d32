import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../packages/postgres/src/embedded/free-port.ts';
import { addImplementation, createBackup } from '../../packages/services/src/index.ts';
import { openStore, systemClock } from '../../packages/storage/src/index.ts';
import { createTestDatabase } from '../support/database.ts';
import { costlyTestServers, IS_LONG } from '../support/long-tests.ts';
import { createShop } from '../support/service-context.ts';
import { makePackages } from './built-packages.ts';
import { writeGuideFiles } from './guide-code.ts';

const run = promisify(execFile);
const checkout = path.resolve(import.meta.dirname, '../..');
const CHROMIUM = '/usr/bin/chromium';
const ANA = '11111111-1111-4111-8111-111111111111';

/** Installing and building takes its time, on a machine that does other things too. */
const START_MS = 1_200_000;

const resources = new AsyncDisposableStack();
let url: string;
let browser: Browser | null = null;
const output: string[] = [];

/** The guide, word for word, in a folder that knows nothing of the checkout. */
describe.skipIf(!IS_LONG)(
  'a fresh application made of the guide’s blocks (with --long: it installs and builds)',
  () => {
    beforeAll(async () => {
      const app = await mkdtemp(path.join(tmpdir(), 'cofre-embedding-'));
      resources.defer(() => rm(app, { recursive: true, force: true }));
      await install(app);
      await writeGuideFiles(app);
      await next(app, 'build');
      url = await serve(app, await shopVariables(app));
      if (existsSync(CHROMIUM)) {
        browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
      }
    }, START_MS);

    afterAll(async () => {
      await browser?.close();
      await resources.disposeAsync();
    });

    it('its page is served, made by the server as far as it knows', async () => {
      const response = await fetch(`${url}/backups/shop/one`);
      expect(response.status, output.join('')).toBe(200);
      const html = await response.text();
      expect(html).toContain('class="cofre light"');
      expect(html).toContain('public.item');
    });

    it('shows the backups, makes one, and says that no worker is there', async (context) => {
      if (browser === null) return context.skip(`there is no Chromium in ${CHROMIUM}`);
      const page = await browser.newPage({ locale: 'en', timezoneId: 'America/Sao_Paulo' });
      const complaints: string[] = [];
      page.on('console', (message) => {
        // The example has no icon, which the browser asks for by itself.
        const isIcon = message.location().url.endsWith('/favicon.ico');
        if (message.type() === 'error' && !isIcon) complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(`${url}/backups/shop/one?tab=backups`);
      await page.getByText('Before the move').waitFor();
      const restore = page.getByRole('link', { name: 'Restore', exact: true });
      expect(await restore.getAttribute('href')).toMatch(
        /^https:\/\/cofre\.example\.com\/admin\/modules\/shop\/one\/restore\/[0-9a-f-]{36}$/,
      );
      await page.getByRole('button', { name: 'Back up now' }).click();
      const dialog = page.getByRole('dialog');
      // A dialog has our styles where it opens, which is not where it is written.
      expect(
        await dialog.evaluate((element: { closest(of: string): unknown }) => element.closest('.cofre') !== null),
      ).toBe(true);
      await dialog.getByRole('button', { name: 'Start the backup' }).click();
      await page.getByText('Waiting for a worker').first().waitFor();
      await page.screenshot({ path: path.join(checkout, 'test-output/screens/embedded.png'), fullPage: true });
      expect(complaints).toEqual([]);
    });
  },
);

async function install(app: string): Promise<void> {
  const packages = path.join(app, 'packages');
  const tarballs = await makePackages(packages);
  const { dependencies, devDependencies } = JSON.parse(
    await readFile(path.join(checkout, 'apps/web/package.json'), 'utf8'),
  ) as Readonly<Record<'dependencies' | 'devDependencies', Readonly<Record<string, string>>>>;
  const wanted: Readonly<Record<string, string>> = {
    ...dependencies,
    ...devDependencies,
    typescript: '6.0.3',
    '@types/node': '24.19.2',
  };
  const others = [
    'next',
    'react',
    'react-dom',
    '@types/react',
    '@types/react-dom',
    'typescript',
    '@types/node',
  ] as const;
  const manifest = { name: 'example', private: true, type: 'module' };
  await writeFile(path.join(app, 'package.json'), JSON.stringify(manifest));
  await run(
    'npm',
    [
      'install',
      '--no-audit',
      '--no-fund',
      // The command line would bring a PostgreSQL, and the database is there.
      ...tarballs.filter(({ name }) => name !== '@cofre/cli').map(({ filename }) => path.join(packages, filename)),
      ...others.map((name) => `${name}@${wanted[name] ?? ''}`),
    ],
    { cwd: app },
  );
}

const nextProgram = (app: string) => path.join(app, 'node_modules/next/dist/bin/next');

async function next(app: string, command: 'build'): Promise<void> {
  const { PATH = '', HOME = '' } = process.env;
  await run(process.execPath, [nextProgram(app), command], {
    cwd: app,
    env: { PATH, HOME, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' },
  });
}

/** A shop with one backup, and the administrator whom the guide's `session.ts` signs in. */
async function shopVariables(app: string): Promise<Readonly<Record<string, string>>> {
  const [server] = costlyTestServers();
  if (server === undefined) throw new Error('a run has at least one server');
  const db = await createTestDatabase(server, { template: 'migrated' });
  resources.defer(() => db.drop());
  const repository = pathToFileURL(path.join(app, 'repository')).href;
  const shop = resources.use(await createShop(db, { store: openStore(repository) }));
  await addImplementation(shop.context, { module: 'shop', key: 'one', scope: { store_id: 1 } });
  const made = { implementation: 'shop/one', type: 'full', description: 'Before the move' } as const;
  await createBackup(shop.again({ clock: systemClock }), made);
  await db.query(
    `INSERT INTO auth.users (id, email, raw_app_meta_data) VALUES ($1, 'ana@example.org', '{"role": "admin"}')`,
    [ANA],
  );
  return {
    DATABASE_URL: db.url,
    COFRE_HOME: path.join(app, 'home'),
    COFRE_REPOSITORY: repository,
    EXAMPLE_USER_ID: ANA,
  };
}

async function serve(app: string, variables: Readonly<Record<string, string>>): Promise<string> {
  const port = await freePort();
  const address = `http://localhost:${port}`;
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [nextProgram(app), 'start', '--port', String(port)], {
    cwd: app,
    env: { PATH, HOME, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production', ...variables },
  });
  resources.defer(async () => {
    const ended = once(child, 'exit');
    if (child.exitCode === null && child.kill()) await ended;
  });
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  for (;;) {
    if (child.exitCode !== null) throw new Error(`next start ended: ${output.join('')}`);
    const answer = await fetch(address).catch(() => null);
    if (answer !== null) return address;
    await sleep(100);
  }
}
