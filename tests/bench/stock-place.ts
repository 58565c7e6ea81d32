import { type Database, databaseFromUrl } from '@cofre/postgres';
import type { BenchPlace } from './bench-run.ts';
import type { BenchServer } from './bench-server.ts';
import { Cofre } from './cofre.ts';
import { measure } from './measure.ts';
import { buildStockTable, DEFINITION } from './stock-table.ts';

/** Of the whole table; nine in ten are the slice's. */
export const STOCK_ROWS = 2_000_000;
const START_UPS = 5;

/** What prints its version into a report about the stock table. */
export const STOCK_PROGRAMS = ['postgres --version', 'restic version', 'borg --version'];

export interface Stock {
  readonly cofre: Cofre;
  readonly database: Database;
}

/** The command line as it is now, and a database with the catalogue and the table whose slice is backed up. */
export async function prepareStock(place: BenchPlace, server: BenchServer, rows: number): Promise<Stock> {
  const database = databaseFromUrl(server.url);
  const cofre = new Cofre({ url: server.url, ...place });
  const missing = cofre.unavailable();
  if (missing !== null) throw new Error(missing);
  await cofre.freeze();
  await server.createDatabase();
  await cofre.migrate();
  console.log(`Building a table of ${rows} rows …`);
  await buildStockTable(database, rows);
  await cofre.applyDefinition(DEFINITION);
  return { cofre, database };
}

interface Able<C> {
  readonly able: readonly C[];
  /** In words, for the report. */
  readonly skipped: readonly string[];
}

/** Those that can run here; the others are named. */
export function onlyAble<C extends { readonly name: string; unavailable(): string | null }>(
  all: readonly C[],
): Able<C> {
  const skipped = all.flatMap((contender) => {
    const reason = contender.unavailable();
    return reason === null ? [] : [`${contender.name}, because ${reason}`];
  });
  for (const line of skipped) console.log(`Skipped: ${line}`);
  return { able: all.filter((contender) => contender.unavailable() === null), skipped };
}

/** What each command of Cofre pays before it does anything. */
export async function measureStartUps({ environment, scratch }: BenchPlace, cofre: Cofre): Promise<readonly number[]> {
  const seconds: number[] = [];
  for (let run = 0; run < START_UPS; run++) {
    seconds.push((await measure(cofre.line('--version'), environment, scratch)).seconds);
  }
  return seconds;
}
