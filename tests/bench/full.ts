import { parseArgs } from 'node:util';
import { databaseFromUrl } from '@cofre/postgres';
import { describeMachine, keepResult, withBenchServer } from './bench-run.ts';
import type { BenchServer } from './bench-server.ts';
import { Cofre } from './cofre.ts';
import { type BenchPlace, contenders } from './contenders.ts';
import { type Measured, measure, measuresMemory, shell } from './measure.ts';
import { markdown, type Report, type Row, writePage } from './report.ts';
import { prepareRestores } from './restores.ts';
import { buildStockTable, DEFINITION, sliceFacts } from './stock-table.ts';

export const FULL_USAGE = `script/bench full [--rows 2000000] [--runs 5] [--restore-runs 3] [--keep]
  --rows, --runs, --restore-runs   smaller numbers for a trial; docs/benchmarks.md is written with the usual ones only
  --keep                           leave the temporary folder behind (the server is stopped all the same)`;

const ROWS = 2_000_000;
const RUNS = 5;
const RESTORE_RUNS = 3;

interface Options {
  readonly rows: number;
  readonly runs: number;
  readonly restoreRuns: number;
  readonly keep: boolean;
}

function readOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rows: { type: 'string', default: String(ROWS) },
      runs: { type: 'string', default: String(RUNS) },
      'restore-runs': { type: 'string', default: String(RESTORE_RUNS) },
      keep: { type: 'boolean', default: false },
    },
  });
  const counts = [values.rows, values.runs, values['restore-runs']].map(Number);
  const [rows = 0, runs = 0, restoreRuns = 0] = counts;
  if (!counts.every(Number.isInteger) || rows < 100 || runs < 1 || restoreRuns < 0) return null;
  return { rows, runs, restoreRuns, keep: values.keep };
}

/** Takes turns: A B C, A B C, …, so that what the machine does besides hurts all alike. */
async function takeTurns<C extends { readonly name: string; readonly settings: string }>(
  list: readonly C[],
  runs: number,
  run: (contender: C) => Promise<Measured & { readonly storedBytes?: number | null }>,
): Promise<readonly Row[]> {
  const results = new Map(list.map((contender) => [contender, [] as Awaited<ReturnType<typeof run>>[]]));
  for (let turn = 1; turn <= runs; turn++) {
    for (const contender of list) {
      const result = await run(contender);
      results.get(contender)?.push(result);
      console.log(`  ${turn}/${runs}  ${contender.name}: ${result.seconds.toFixed(2)} s`);
    }
  }
  return list.map((contender) => {
    const all = results.get(contender) ?? [];
    const peaks = all.map(({ peakRssBytes }) => peakRssBytes ?? 0);
    return {
      name: contender.name,
      settings: contender.settings,
      seconds: all.map(({ seconds }) => seconds),
      storedBytes: all.at(-1)?.storedBytes ?? null,
      peakRssBytes: measuresMemory() ? Math.max(...peaks) : null,
    };
  });
}

async function bench(place: BenchPlace, server: BenchServer, options: Options): Promise<Report> {
  const database = databaseFromUrl(server.url);
  const cofre = new Cofre({ url: server.url, ...place });
  const missing = cofre.unavailable();
  if (missing !== null) throw new Error(missing);
  await cofre.freeze();
  await server.createDatabase();
  await cofre.migrate();
  console.log(`Building a table of ${options.rows} rows …`);
  await buildStockTable(database, options.rows);
  await cofre.applyDefinition(DEFINITION);
  const whole = await sliceFacts(database);

  const all = contenders(place, cofre);
  const able = all.filter((contender) => contender.unavailable() === null);
  const skipped = all.flatMap((contender) => {
    const reason = contender.unavailable();
    return reason === null ? [] : [`${contender.name}, because ${reason}`];
  });
  for (const line of skipped) console.log(`Skipped: ${line}`);
  console.log('Backup:');
  // Once for nothing, so that the first in turn does not pay for a cold cache.
  await able[0]?.run();
  const backups = await takeTurns(able, options.runs, async (contender) => {
    await settle(place);
    return contender.run();
  });

  const restores = options.restoreRuns === 0 ? [] : await benchRestores();
  const startUps: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    startUps.push((await measure(cofre.line('--version'), place.environment, place.scratch)).seconds);
  }
  return {
    machine: await describeMachine(place, `full${options.rows === ROWS ? '' : ` --rows ${options.rows}`}`, [
      'postgres --version',
      'restic version',
      'borg --version',
    ]),
    tableBytes: whole.tableBytes,
    tableRows: options.rows,
    sliceRows: whole.rows,
    backups,
    restores,
    startUpSeconds: startUps,
    skipped,
  };

  async function benchRestores(): Promise<readonly Row[]> {
    console.log('Restore:');
    const race = await prepareRestores(place, { cofre, database, whole });
    return takeTurns(race.contenders, options.restoreRuns, async (contender) => {
      await race.empty();
      await settle(place);
      const measured = await contender.run();
      await race.check();
      return measured;
    });
  }
}

/** What one run wrote must not be flushed at the cost of the next. */
async function settle({ environment }: BenchPlace): Promise<void> {
  await shell('sync', environment);
}

/** The exit code; null: the arguments were not understood. */
export async function benchFull(args: readonly string[]): Promise<number | null> {
  const options = readOptions(args);
  if (options === null) return null;
  return withBenchServer(options, async (place, server) => {
    const report = await bench(place, server, options);
    const text = markdown(report);
    console.log(`\n${text}`);
    await keepResult('full', report);
    const isUsual = options.rows === ROWS && options.runs >= RUNS && options.restoreRuns >= RESTORE_RUNS;
    if (isUsual) await writePage('full', text);
  });
}
