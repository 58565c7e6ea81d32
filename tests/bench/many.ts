import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createBackups } from '@cofre/services';
import { type Database, databaseFromUrl } from '@cofre/postgres';
import { counting, FileStore, type StoreCounts } from '@cofre/storage';
import { createTestService } from '../support/service-context.ts';
import { type BenchPlace, describeMachine, keepResult, settle, withBenchServer } from './bench-run.ts';
import type { BenchServer } from './bench-server.ts';
import { Cofre, type CofreRepository } from './cofre.ts';
import { buildTenants, changeTenants, copyTenants, ROWS_OF_ONE, TENANTS_DEFINITION } from './many-tables.ts';
import { type ManyReport, type ManyRow, manyMarkdown } from './many-report.ts';
import { bytesIn, measure } from './measure.ts';
import { writePage } from './report.ts';

export const MANY_USAGE = `script/bench many [--implementations 1000] [--runs 3] [--keep]
  --implementations, --runs   smaller numbers for a trial; docs/benchmarks.md is written with the usual ones only`;

const IMPLEMENTATIONS = 1000;
const RUNS = 3;
/** One in so many changed since the backup before: 1 %. */
const CHANGED_ONE_IN = 100;

interface Options {
  readonly implementations: number;
  readonly runs: number;
  readonly keep: boolean;
}

function readOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      implementations: { type: 'string', default: String(IMPLEMENTATIONS) },
      runs: { type: 'string', default: String(RUNS) },
      keep: { type: 'boolean', default: false },
    },
  });
  const [implementations, runs] = [Number(values.implementations), Number(values.runs)];
  if (![implementations, runs].every((count) => Number.isInteger(count) && count >= 1)) return null;
  return { implementations, runs, keep: values.keep };
}

interface ManyPlace extends BenchPlace {
  readonly cofre: Cofre;
  readonly database: Database;
  readonly implementations: number;
}

/** Plain COPY of the three tables, whole, to files: the floor that a backup of all implementations stands on. */
async function copyAll({ scratch, environment }: ManyPlace): Promise<number> {
  const folder = path.join(scratch, 'copied');
  await mkdir(folder, { recursive: true });
  const copies = copyTenants.map((query, at) => `-c "\\\\copy (${query}) TO '${path.join(folder, `${at}`)}'"`);
  const { seconds } = await measure(`psql -X -q ${copies.join(' ')}`, environment, scratch);
  await rm(folder, { recursive: true });
  return seconds;
}

async function backUpAll(
  place: ManyPlace,
  repository: CofreRepository,
): Promise<Omit<ManyRow['results'][number], 'floor'>> {
  const before = await bytesIn(repository.folder);
  const command = `backup create --module tenants --type incremental --progress none --json >'${place.scratch}/batch.json'`;
  const { seconds, peakRssBytes } = await measure(place.cofre.line(command), repository.environment, place.scratch);
  const stored = (await bytesIn(repository.folder)) - before;
  return { seconds, peakRssBytes, storedBytes: stored };
}

/** Takes turns: the floor, the first batch, a repeat with 1 % changed, one with nothing changed; then all again. */
async function measureTurns(place: ManyPlace, turns: number): Promise<readonly ManyRow[]> {
  const rows: readonly ManyRow[] = ['first batch', 'repeat, 1 % changed', 'repeat, nothing changed'].map((name) => ({
    name,
    results: [],
  }));
  for (let turn = 1; turn <= turns; turn++) {
    const repository = await place.cofre.makeRepository(path.join(place.scratch, `repository-${turn}`));
    for (const [at, row] of rows.entries()) {
      if (at === 1) await changeTenants(place.database, CHANGED_ONE_IN, turn);
      await settle(place);
      const floor = await copyAll(place);
      await settle(place);
      const result = { floor, ...(await backUpAll(place, repository)) };
      row.results.push(result);
      console.log(`  ${turn}/${turns}  ${row.name}: ${result.seconds.toFixed(2)} s (COPY ${floor.toFixed(2)} s)`);
    }
    await rm(repository.folder, { recursive: true });
  }
  return rows;
}

/** What a repeat with 1 % changed asks of the store, in this process. */
async function countRequests(place: ManyPlace, server: BenchServer): Promise<StoreCounts['calls']> {
  await place.cofre.makeRepository(path.join(place.scratch, 'unused'));
  const client = await place.database.connect();
  await client.query('DELETE FROM cofre.repository_pin');
  await client.end();
  const store = counting(new FileStore(path.join(place.scratch, 'counted')));
  await using service = await createTestService({ url: server.url, database: place.database }, { store });
  const all = { implementations: { module: 'tenants' }, type: 'incremental' } as const;
  await createBackups(service.context, all);
  await changeTenants(place.database, CHANGED_ONE_IN, 7);
  const before = store.counts().calls;
  const { failed } = await createBackups(service.context, all);
  if (failed > 0) throw new Error(`${failed} failed`);
  const after = store.counts().calls;
  const since = (name: keyof StoreCounts['calls']) => after[name] - before[name];
  return { put: since('put'), get: since('get'), stat: since('stat'), list: since('list'), delete: since('delete') };
}

/** The exit code; null: the arguments were not understood. */
export async function benchMany(args: readonly string[]): Promise<number | null> {
  const options = readOptions(args);
  if (options === null) return null;
  return withBenchServer(options, async (at, server) => {
    const cofre = new Cofre({ url: server.url, ...at });
    const missing = cofre.unavailable();
    if (missing !== null) throw new Error(missing);
    await cofre.freeze();
    await server.createDatabase();
    await cofre.migrate();
    const database = databaseFromUrl(server.url);
    const { implementations, runs } = options;
    console.log(`Building ${implementations} implementations …`);
    await buildTenants(database, implementations);
    await cofre.applyDefinition(TENANTS_DEFINITION);
    const place: ManyPlace = { ...at, cofre, database, implementations };
    const rows = await measureTurns(place, runs);
    const requests = await countRequests(place, server);
    const machine = await describeMachine(place, ['many', ...args].join(' '), ['postgres --version']);
    const report: ManyReport = { machine, implementations, rowsOfOne: ROWS_OF_ONE, rows, requests };
    const text = manyMarkdown(report);
    console.log(`\n${text}`);
    await keepResult('many', report);
    if (implementations === IMPLEMENTATIONS && runs >= RUNS) await writePage('many', text);
  });
}
