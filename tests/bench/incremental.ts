import { parseArgs } from 'node:util';
import { type BenchPlace, describeMachine, keepResult, withBenchServer } from './bench-run.ts';
import type { BenchServer } from './bench-server.ts';
import { plainCopy } from './contenders.ts';
import { measureChain } from './incremental-chain.ts';
import { type IncrementalReport, incrementalMarkdown } from './incremental-report.ts';
import { measureTurns, OURS } from './incremental-turns.ts';
import { borg, restic } from './peers.ts';
import { writePage } from './report.ts';
import { measureStartUps, onlyAble, prepareStock, STOCK_PROGRAMS, STOCK_ROWS } from './stock-place.ts';
import { sliceFacts } from './stock-table.ts';

export const INCREMENTAL_USAGE = `script/bench incremental [--rows 2000000] [--runs 2] [--chain 100] [--keep]
  --rows, --runs, --chain   smaller numbers for a trial; docs/benchmarks.md is written with the usual ones only`;

const RUNS = 2;
const CHAIN = 100;

interface Options {
  readonly rows: number;
  readonly runs: number;
  readonly chain: number;
  readonly keep: boolean;
}

function readOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rows: { type: 'string', default: String(STOCK_ROWS) },
      runs: { type: 'string', default: String(RUNS) },
      chain: { type: 'string', default: String(CHAIN) },
      keep: { type: 'boolean', default: false },
    },
  });
  const [rows, runs, chain] = [Number(values.rows), Number(values.runs), Number(values.chain)];
  if (![rows, runs, chain].every(Number.isInteger) || rows < 10_000 || runs < 1 || chain < 1) return null;
  return { rows, runs, chain, keep: values.keep };
}

async function bench(place: BenchPlace, server: BenchServer, options: Options): Promise<IncrementalReport> {
  const { rows, runs, chain } = options;
  const stock = await prepareStock(place, server, rows);
  const whole = await sliceFacts(stock.database);
  const { able: peers, skipped } = onlyAble([restic(place), borg(place)]);
  const floor = plainCopy(place);
  // Once for nothing, so that the first in turn does not pay for a cold cache.
  await floor.run();
  const ours =
    'zstd; encrypted; every block opened and compared before it is stored; what changed is asked of the table';
  return {
    turns: await measureTurns({ place, stock, peers, rows, turns: runs }),
    chain: await measureChain({ place, stock, rows, length: chain }),
    machine: await describeMachine(place, `incremental${rows === STOCK_ROWS ? '' : ` --rows ${rows}`}`, STOCK_PROGRAMS),
    tableBytes: whole.tableBytes,
    tableRows: rows,
    sliceRows: whole.rows,
    startUpSeconds: await measureStartUps(place, stock.cofre),
    settings: [floor, { name: OURS, settings: ours }, ...peers].map(({ name, settings }) => ({ name, settings })),
    skipped,
  };
}

/** The exit code; null: the arguments were not understood. */
export async function benchIncremental(args: readonly string[]): Promise<number | null> {
  const options = readOptions(args);
  if (options === null) return null;
  return withBenchServer(options, async (place, server) => {
    const report = await bench(place, server, options);
    const text = incrementalMarkdown(report);
    console.log(`\n${text}`);
    await keepResult('incremental', report);
    const isUsual = options.rows === STOCK_ROWS && options.runs >= RUNS && options.chain >= CHAIN;
    if (isUsual) await writePage('incremental', text);
  });
}
