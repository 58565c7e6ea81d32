import path from 'node:path';
import { parseArgs } from 'node:util';
import { databaseFromUrl } from '@cofre/postgres';
import { fillBackups } from '../support/fill-lists.ts';
import { createTestService } from '../support/service-context.ts';
import { type BenchPlace, describeMachine, keepResult, withBenchServer } from './bench-run.ts';
import type { BenchServer } from './bench-server.ts';
import { Cofre } from './cofre.ts';
import { measureListPages, type PageTimes } from './list-pages.ts';
import { shell } from './measure.ts';
import { platformMarkdown, type ScheduledRow } from './platform-report.ts';
import { writePage } from './report.ts';
import { plainLoop, type ScheduledContender, type ScheduledPlace, scheduledRun } from './scheduled-runs.ts';
import { buildShops, ROWS_OF_ONE, SHOP_DEFINITION } from './shop-tables.ts';
import { withClient } from './with-client.ts';

export const PLATFORM_USAGE = `script/bench platform [--implementations 1000] [--runs 3] [--only lists|runs] [--long] [--keep]
  --implementations, --runs   smaller numbers for a trial; docs/benchmarks.md is written with the usual ones only
  --only                      one of the two parts
  --long                      lists of 1,000,000 backups instead of 10,000`;

const IMPLEMENTATIONS = 1000;
const RUNS = 3;
const LISTED = 10_000;
const LISTED_LONG = 1_000_000;

interface Options {
  readonly implementations: number;
  readonly runs: number;
  readonly parts: readonly string[];
  readonly listed: number;
  readonly keep: boolean;
}

const PARTS = ['lists', 'runs'];

function readOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      implementations: { type: 'string', default: String(IMPLEMENTATIONS) },
      runs: { type: 'string', default: String(RUNS) },
      only: { type: 'string' },
      long: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
    },
  });
  const { only, keep } = values;
  const [implementations, runs] = [Number(values.implementations), Number(values.runs)];
  if (![implementations, runs].every((count) => Number.isInteger(count) && count >= 1)) return null;
  if (only !== undefined && !PARTS.includes(only)) return null;
  const parts = only === undefined ? PARTS : [only];
  return { implementations, runs, parts, listed: values.long ? LISTED_LONG : LISTED, keep };
}

/** Fills a catalogue with backups, and times pages of their list in this process, as the web admin would. */
async function benchLists(server: BenchServer, listed: number): Promise<readonly PageTimes[]> {
  console.log(`Listing ${listed} backups …`);
  const database = databaseFromUrl(server.url);
  await withClient(database, (client) => fillBackups((sql, values) => client.query(sql, values), listed));
  await using service = await createTestService({ url: server.url, database });
  const pages = await measureListPages(service.context);
  await withClient(database, (client) => client.query('TRUNCATE public.module_backups'));
  return pages;
}

async function preparePlatform(
  place: BenchPlace & { readonly cofre: Cofre },
  server: BenchServer,
  implementations: number,
): Promise<ScheduledPlace> {
  const { cofre } = place;
  const database = databaseFromUrl(server.url);
  console.log(`Building ${implementations} implementations …`);
  const ids = await buildShops(database, implementations);
  await cofre.applyDefinition(SHOP_DEFINITION);
  const repository = await cofre.makeRepository(path.join(place.scratch, 'repository'));
  // Once a year: nothing becomes due by itself while this runs.
  await cofre.run(`policy set --schedule '0 0 1 1 *' --json`, repository.environment);
  return { ...place, database, repository, ids };
}

/** Takes turns: A B C, A B C, …, so that what the machine does besides hurts all alike. */
async function benchRuns(place: ScheduledPlace, turns: number): Promise<readonly ScheduledRow[]> {
  const contenders: readonly ScheduledContender[] = [
    plainLoop(place),
    ...(['off', 'on'] as const).flatMap((skipUnchanged) =>
      [1, 2].map((workers) => scheduledRun(place, { workers, skipUnchanged })),
    ),
  ];
  console.log('The first backup of each, for the others to build on …');
  await scheduledRun(place, { workers: 2, skipUnchanged: 'off' }).run(0);
  const rows = contenders.map(({ name, settings }) => ({
    name,
    settings,
    results: [] as ScheduledRow['results'][number][],
  }));
  for (let turn = 1; turn <= turns; turn++) {
    for (const [index, contender] of contenders.entries()) {
      await shell('sync', place.environment);
      const result = await contender.run(turn);
      rows[index]?.results.push(result);
      console.log(`  ${turn}/${turns}  ${contender.name}: ${result.seconds.toFixed(2)} s`);
    }
  }
  return rows;
}

/** The exit code; null: the arguments were not understood. */
export async function benchPlatform(args: readonly string[]): Promise<number | null> {
  const options = readOptions(args);
  if (options === null) return null;
  return withBenchServer(options, async (place, server) => {
    const cofre = new Cofre({ url: server.url, ...place });
    const missing = cofre.unavailable();
    if (missing !== null) throw new Error(missing);
    await cofre.freeze();
    await server.createDatabase();
    await cofre.migrate();
    const { implementations, listed, parts, runs } = options;
    const pages = parts.includes('lists') ? await benchLists(server, listed) : [];
    const rows = parts.includes('runs')
      ? await benchRuns(await preparePlatform({ ...place, cofre }, server, implementations), runs)
      : [];
    const machine = await describeMachine(place, ['platform', ...args].join(' '), ['postgres --version']);
    const report = { machine, listed, pages, implementations, rowsOfOne: ROWS_OF_ONE, runs: rows };
    const text = platformMarkdown(report);
    console.log(`\n${text}`);
    await keepResult('platform', report);
    const isUsual = parts.length === PARTS.length && implementations === IMPLEMENTATIONS && runs >= RUNS;
    if (isUsual) await writePage('platform', text);
  });
}
