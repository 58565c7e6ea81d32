import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { scheduledRunDocument } from '@cofre/contracts';
import type { Database } from '@cofre/postgres';
import type { BenchPlace } from './bench-run.ts';
import type { Cofre, CofreRepository } from './cofre.ts';
import { measure } from './measure.ts';
import { changeSlices, sliceQueries } from './shop-tables.ts';
import { type Connections, watchConnections } from './watch-connections.ts';
import { withClient } from './with-client.ts';

/** One way to back up whatever is due, measured over all implementations. */
export interface ScheduledContender {
  readonly name: string;
  readonly settings: string;
  run(turn: number): Promise<ScheduledResult>;
}

export interface ScheduledResult {
  readonly seconds: number;
  readonly connections: Connections;
  /** The largest of the processes. */
  readonly peakRssBytes: number | null;
}

export interface ScheduledPlace extends BenchPlace {
  readonly database: Database;
  readonly cofre: Cofre;
  readonly repository: CofreRepository;
  readonly ids: readonly string[];
}

/** One in so many implementations changed since its last backup: 2 %. */
const CHANGED_ONE_IN = 50;

const changedIn = ({ ids }: ScheduledPlace, turn: number): readonly string[] =>
  ids.filter((_, index) => index % CHANGED_ONE_IN === turn % CHANGED_ONE_IN);

/** What a script would do: for each implementation a connection, and its tables copied out to files. */
export function plainLoop(place: ScheduledPlace): ScheduledContender {
  const { scratch, environment, database, ids } = place;
  return {
    name: 'a loop of psql and COPY',
    settings:
      'the floor: one connection for each implementation, its three tables to plain files; nothing compressed, compared or listed',
    async run(turn) {
      const folder = path.join(scratch, 'loop');
      await mkdir(folder, { recursive: true });
      const script = path.join(scratch, 'loop.sh');
      await writeFile(script, ids.map((id) => copyOut(folder, id)).join('\n'));
      await changeSlices(database, changedIn(place, turn));
      const { result, connections } = await watchConnections(database, () =>
        measure(`bash -e '${script}'`, environment, scratch),
      );
      await rm(folder, { recursive: true });
      return { ...result, connections };
    },
  };
}

function copyOut(folder: string, id: string): string {
  const copies = Object.entries(sliceQueries(id)).map(
    ([table, query]) => `-c "\\\\copy (${query}) TO '${path.join(folder, `${id}.${table}`)}'"`,
  );
  return `psql -X -q ${copies.join(' ')}`;
}

/** So many processes of `cofre schedule run`, started at once, share what is due. */
export function scheduledRun(
  place: ScheduledPlace,
  { workers, skipUnchanged }: { readonly workers: number; readonly skipUnchanged: 'on' | 'off' },
): ScheduledContender {
  const { database, cofre, repository } = place;
  return {
    name: `cofre schedule run × ${workers}, skip-unchanged ${skipUnchanged}`,
    settings: `${workers === 1 ? 'one process' : `${workers} processes at once`}; type full; zstd; encrypted; every block opened and compared before it is stored`,
    async run(turn) {
      await cofre.run(`policy set --skip-unchanged ${skipUnchanged} --json`, repository.environment);
      const changed = changedIn(place, turn);
      await changeSlices(database, changed);
      const since = await makeAllDue(database);
      const { result, connections } = await watchConnections(database, () => runWorkers(place, workers));
      const unchanged = skipUnchanged === 'on' ? place.ids.length - changed.length : 0;
      await requireEachOnce(place, { since, reports: result.reports, unchanged });
      return { seconds: result.seconds, peakRssBytes: result.peakRssBytes, connections };
    },
  };
}

async function makeAllDue(database: Database): Promise<Date> {
  return withClient(database, async (client) => {
    await client.query(`UPDATE cofre.implementation_settings SET next_backup_at = now() - interval '1 minute'`);
    await client.query('VACUUM (ANALYZE) cofre.implementation_settings, public.module_backups');
    const { rows } = await client.query<{ now: Date }>('SELECT clock_timestamp() AS now');
    return rows[0]?.now ?? new Date();
  });
}

async function runWorkers({ scratch, cofre, repository }: ScheduledPlace, workers: number) {
  const started = performance.now();
  const measured = await Promise.all(
    Array.from({ length: workers }, async (_, index) => {
      const own = path.join(scratch, `worker-${index + 1}`);
      await mkdir(own, { recursive: true });
      const report = path.join(own, 'report.json');
      const line = `${cofre.line('schedule run --progress none --json')} > '${report}'`;
      const { peakRssBytes } = await measure(line, repository.environment, own);
      return { peakRssBytes, report: scheduledRunDocument.parse(JSON.parse(await readFile(report, 'utf8'))) };
    }),
  );
  const peaks = measured.map(({ peakRssBytes }) => peakRssBytes);
  return {
    seconds: (performance.now() - started) / 1000,
    peakRssBytes: peaks.includes(null) ? null : Math.max(...peaks.map(Number)),
    reports: measured.map(({ report }) => report),
  };
}

interface RunFacts {
  readonly since: Date;
  readonly reports: readonly { readonly done: number; readonly unchanged: number; readonly left: number }[];
  /** So many have to be found unchanged. */
  readonly unchanged: number;
}

/** Throws unless every implementation was done by exactly one runner, and those that changed have one backup more. */
async function requireEachOnce({ database, ids }: ScheduledPlace, facts: RunFacts): Promise<void> {
  const sum = (name: 'done' | 'unchanged') => facts.reports.reduce((total, report) => total + report[name], 0);
  const made = await withClient(database, (client) =>
    client.query<{ backups: number; implementations: number; completed: number; due: number }>(
      `SELECT count(*)::int AS backups, count(DISTINCT source_implementation_id)::int AS implementations,
              count(*) FILTER (WHERE status = 'completed')::int AS completed,
              (SELECT count(*)::int FROM cofre.implementation_settings WHERE next_backup_at <= now() OR claimed_by IS NOT NULL) AS due
       FROM public.module_backups WHERE created_at >= $1`,
      [facts.since],
    ),
  );
  const backups = ids.length - facts.unchanged;
  const wanted = {
    done: ids.length,
    unchanged: facts.unchanged,
    backups,
    implementations: backups,
    completed: backups,
    due: 0,
  };
  const found = { done: sum('done'), unchanged: sum('unchanged'), ...made.rows[0] };
  for (const [name, count] of Object.entries(wanted)) {
    if (found[name as keyof typeof wanted] !== count)
      throw new Error(`not each was done once: ${JSON.stringify({ wanted, found })}`);
  }
}
