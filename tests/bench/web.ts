import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { z } from 'zod';
import { Children } from '../../apps/cli/src/serve/children.ts';
import { ensureWebBuild, nextProgram } from '../../apps/cli/src/serve/web-build.ts';
import { freePort } from '../../packages/postgres/src/embedded/free-port.ts';
import { type Cookie, cookieHeader, signIn } from '../support/web-session.ts';
import { describeMachine, keepResult, withBenchServer } from './bench-run.ts';
import { Cofre } from './cofre.ts';
import { writePage } from './report.ts';
import { CHROMIUM, scrollPreview, shiftOfStarting, startBrowser, visit, WIDTHS } from './web-browser.ts';
import { type LighthouseFigures, runLighthouse, startLighthouseBrowser } from './web-lighthouse.ts';
import { fillWebPlace, type WebPlace } from './web-place.ts';
import { webMarkdown, type WebReport } from './web-report.ts';
import { type PageAddress, timePages } from './web-requests.ts';

export const WEB_USAGE = `script/bench web [--backups 10000] [--rows 100000] [--samples 60] [--lighthouse 3] [--only requests|browser|lighthouse] [--keep]
  --backups, --rows, --samples, --lighthouse   smaller numbers for a trial; docs/benchmarks.md is written with the usual ones only
  --only                                       one of the three parts`;

const USUAL = { backups: 10_000, rows: 100_000, samples: 60, lighthouse: 3 } as const;

const PARTS = ['requests', 'browser', 'lighthouse'] as const;
type Part = (typeof PARTS)[number];

type Options = { readonly [Name in keyof typeof USUAL]: number } & {
  readonly parts: readonly Part[];
  readonly keep: boolean;
};

function readOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      backups: { type: 'string', default: String(USUAL.backups) },
      rows: { type: 'string', default: String(USUAL.rows) },
      samples: { type: 'string', default: String(USUAL.samples) },
      lighthouse: { type: 'string', default: String(USUAL.lighthouse) },
      only: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  });
  const { keep, only, ...texts } = values;
  const parts = PARTS.filter((part) => only === undefined || part === only);
  const options = {
    backups: Number(texts.backups),
    rows: Number(texts.rows),
    samples: Number(texts.samples),
    lighthouse: Number(texts.lighthouse),
    parts,
    keep,
  };
  const counts = [options.backups, options.rows, options.samples, options.lighthouse];
  return parts.length > 0 && counts.every((count) => Number.isInteger(count) && count >= 1) ? options : null;
}

const WEB = path.resolve(import.meta.dirname, '../../apps/web');
/** Beside what is served or tested. */
const BUILD = '.next-bench';

const LIST = 'backups of an implementation';
const IMPLEMENTATION = 'implementation';
const PREVIEW = 'preview of a restore';

function pagesOf({ backupId, planId }: WebPlace): readonly PageAddress[] {
  const implementation = '/admin/modules/shop/one';
  const restore = `${implementation}/restore/${backupId}`;
  return [
    { what: 'modules', path: '/admin/modules' },
    { what: IMPLEMENTATION, path: implementation },
    { what: LIST, path: `${implementation}?tab=backups` },
    { what: 'one backup', path: `${implementation}/backups/${backupId}` },
    { what: 'rows of a backup', path: `${implementation}/backups/${backupId}?view=rows&table=public.item` },
    { what: 'something went wrong', path: `${implementation}/something-went-wrong` },
    { what: 'restore', path: restore },
    { what: PREVIEW, path: `${restore}?step=preview&plan=${planId}&open=public.item` },
  ];
}

interface Served extends AsyncDisposable {
  readonly url: string;
}

/** The production build, in a process of its own. */
async function serveWeb(variables: Readonly<Record<string, string>>, scratch: string): Promise<Served> {
  const { PATH, HOME } = process.env;
  const all = { PATH, HOME, NODE_ENV: 'production', COFRE_LOG: 'error', COFRE_WEB_BUILD: BUILD, ...variables };
  await ensureWebBuild({ folder: WEB, variables: all }, () => console.log('Building the web admin …'));
  const home = path.join(scratch, 'web-home');
  await mkdir(home, { recursive: true });
  const port = await freePort();
  const children = new Children();
  const args = [nextProgram(WEB), 'start', '--hostname', '127.0.0.1', '--port', String(port)];
  children.start({ name: 'The web admin', args, cwd: WEB, variables: { ...all, COFRE_HOME: home } });
  const url = `http://localhost:${port}`;
  await Promise.race([untilAnswers(url), children.failure]);
  return { url, [Symbol.asyncDispose]: () => children.stop() };
}

const buildManifest = z.object({ rootMainFiles: z.array(z.string()) });

/** What the framework sends with every page, as small as the server makes it. */
async function measureFramework(): Promise<number> {
  const folder = path.join(WEB, BUILD);
  const manifest: unknown = JSON.parse(await readFile(path.join(folder, 'build-manifest.json'), 'utf8'));
  const files = buildManifest.parse(manifest).rootMainFiles;
  const sizes = files.map(async (file) => (await promisify(gzip)(await readFile(path.join(folder, file)))).length);
  return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0);
}

const LOOK_MS = 200;

async function untilAnswers(url: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/sign-in`).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.status === 200) return;
    await sleep(LOOK_MS);
  }
}

type Figures = Omit<WebReport, 'machine' | 'backups' | 'rows' | 'frameworkBytes' | 'promised'>;

interface Session {
  readonly url: string;
  readonly cookies: readonly Cookie[];
  readonly pages: readonly PageAddress[];
}

async function measureWeb({ url }: Served, place: WebPlace, options: MeasureOptions): Promise<Figures> {
  const { parts, samples } = options;
  const cookies = await signIn({ url, account: place.accounts.administrator, address: '192.0.2.1' });
  const session = { url, cookies, pages: pagesOf(place) };
  const cookie = cookieHeader(cookies);
  const requests = parts.includes('requests') ? await timePages({ ...session, cookie, samples }) : [];
  const seen = parts.includes('browser') ? await look(session) : { visits: [], startingShift: [], scrolling: [] };
  return { requests, ...seen, lighthouse: parts.includes('lighthouse') ? await runAll(session, options) : [] };
}

type MeasureOptions = Options & { readonly scratch: string };

async function look({
  url,
  cookies,
  pages,
}: Session): Promise<Pick<Figures, 'visits' | 'startingShift' | 'scrolling'>> {
  await using browser = await startBrowser();
  const pathOf = (name: string) => pages.find(({ what }) => what === name)?.path ?? '';
  const visits: Figures['visits'][number][] = [];
  const startingShift: Figures['startingShift'][number][] = [];
  const scrolling: Figures['scrolling'][number][] = [];
  for (const width of WIDTHS) {
    console.log(`Looking at the pages at ${width} px …`);
    const visitor = { url, cookies, width };
    for (const page of pages) visits.push(await visit(browser, page, visitor));
    scrolling.push(await scrollPreview(browser, pathOf(PREVIEW), visitor));
    startingShift.push({ width, layoutShift: await shiftOfStarting(browser, pathOf(LIST), visitor) });
  }
  return { visits, startingShift, scrolling };
}

async function runAll(
  { url, cookies, pages }: Session,
  options: MeasureOptions,
): Promise<readonly LighthouseFigures[]> {
  await using browser = await startLighthouseBrowser(options.scratch);
  const { debuggingPort } = browser;
  const cookie = cookieHeader(cookies);
  const found: LighthouseFigures[] = [];
  for (const device of ['phone', 'desktop'] as const)
    for (const page of pages.filter(({ what }) => PROMISED.includes(what)))
      found.push(
        await middleRun(options.lighthouse, () => runLighthouse(page, device, { url, cookie, debuggingPort })),
      );
  return found;
}

/** The list of modules, and both tabs of an implementation. */
const PROMISED: readonly string[] = ['modules', IMPLEMENTATION, LIST];

/** Runs differ: the one in the middle by performance is told. */
async function middleRun(runs: number, run: () => Promise<LighthouseFigures>): Promise<LighthouseFigures> {
  const results: LighthouseFigures[] = [];
  for (let turn = 0; turn < runs; turn++) results.push(await run());
  const sorted = results.toSorted((one, other) => one.performance - other.performance);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error('there is at least one run');
  console.log(`  Lighthouse, ${middle.what}, ${middle.device}: ${middle.performance}, ${middle.accessibility}`);
  return middle;
}

/** The exit code; null: the arguments were not understood. */
export async function benchWeb(args: readonly string[]): Promise<number | null> {
  const options = readOptions(args);
  if (options === null) return null;
  if (!existsSync(CHROMIUM)) {
    console.error(`There is no Chromium in ${CHROMIUM} (Debian: apt-get install chromium). Nothing was measured.`);
    return 1;
  }
  return withBenchServer(options, async (benchPlace, server) => {
    const cofre = new Cofre({ url: server.url, ...benchPlace });
    await cofre.freeze();
    await server.createDatabase();
    await cofre.migrate();
    const { backups, rows } = options;
    console.log(`Filling a list of ${backups} backups and a plan of ${rows} rows …`);
    const place = await fillWebPlace({ url: server.url, scratch: benchPlace.scratch, backups, rows });
    const variables = { DATABASE_URL: server.url, COFRE_REPOSITORY: place.repository };
    await using web = await serveWeb(variables, benchPlace.scratch);
    const figures = await measureWeb(web, place, { ...options, scratch: benchPlace.scratch });
    const programs = ['postgres --version', `${CHROMIUM} --version`];
    const machine = await describeMachine(benchPlace, ['web', ...args].join(' '), programs);
    const frameworkBytes = await measureFramework();
    const report: WebReport = { machine, backups, rows, ...figures, frameworkBytes, promised: PROMISED };
    const text = webMarkdown(report);
    console.log(`\n${text}`);
    await keepResult('web', report);
    const isUsual = (['backups', 'rows', 'samples', 'lighthouse'] as const).every(
      (name) => options[name] >= USUAL[name],
    );
    if (isUsual && options.parts.length === PARTS.length) await writePage('web', text);
  });
}
