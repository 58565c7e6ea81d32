import { parseArgs } from 'node:util';
import { type BenchPlace, describeMachine, keepResult, settle, withBenchServer } from './bench-run.ts';
import type { BenchServer } from './bench-server.ts';
import { contenders } from './contenders.ts';
import { type Measured, measuresMemory } from './measure.ts';
import { markdown, type Report, type Row, writePage } from './report.ts';
import { prepareRestores } from './restores.ts';
import { measureStartUps, onlyAble, prepareStock, STOCK_PROGRAMS, STOCK_ROWS } from './stock-place.ts';
import { sliceFacts } from './stock-table.ts';

export const FULL_USAGE = `script/bench full [--rows 2000000] [--runs 5] [--restore-runs 3] [--keep]
  --rows, --runs, --restore-runs   smaller numbers for a trial; docs/benchmarks.md is written with the usual ones only
  --keep                           leave the temporary folder behind (the server is stopped all the same)`;

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
      rows: { type: 'string', default: String(STOCK_ROWS) },
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
  const { cofre, database } = await prepareStock(place, server, options.rows);
  const whole = await sliceFacts(database);

  const { able, skipped } = onlyAble(contenders(place, cofre));
  console.log('Backup:');
  // Once for nothing, so that the first in turn does not pay for a cold cache.
  await able[0]?.run();
  const backups = await takeTurns(able, options.runs, async (contender) => {
    await settle(place);
    return contender.run();
  });

  const restores = options.restoreRuns === 0 ? [] : await benchRestores();
  return {
    machine: await describeMachine(
      place,
      `full${options.rows === STOCK_ROWS ? '' : ` --rows ${options.rows}`}`,
      STOCK_PROGRAMS,
    ),
    tableBytes: whole.tableBytes,
    tableRows: options.rows,
    sliceRows: whole.rows,
    backups,
    restores,
    startUpSeconds: await measureStartUps(place, cofre),
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

/** The exit code; null: the arguments were not understood. */
export async function benchFull(args: readonly string[]): Promise<number | null> {
  const options = readOptions(args);
  if (options === null) return null;
  return withBenchServer(options, async (place, server) => {
    const report = await bench(place, server, options);
    const text = markdown(report);
    console.log(`\n${text}`);
    await keepResult('full', report);
    const isUsual = options.rows === STOCK_ROWS && options.runs >= RUNS && options.restoreRuns >= RESTORE_RUNS;
    if (isUsual) await writePage('full', text);
  });
}
