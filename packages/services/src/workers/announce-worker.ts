import { sql } from 'kysely';
import { authorize, type Caller } from '../access/authorize.ts';

/** A worker that is not heard of for so long has died, and is not listed any more. */
const FORGOTTEN_AFTER_HOURS = 24;

export interface WorkerFacts {
  readonly id: string;
  /** Where it runs, for people: `host:pid`. */
  readonly name: string;
  readonly version: string;
}

/** Says that a worker is there. Said every few seconds; who was not heard of for half a minute counts as none. */
export async function announceWorker(caller: Caller, { id, name, version }: WorkerFacts): Promise<void> {
  const { catalogue } = await authorize(caller, 'announceWorker');
  // By the clock of the database, which all workers share.
  const now = sql<Date>`pg_catalog.clock_timestamp()`;
  await catalogue
    .insertInto('cofre.workers')
    .values({ id, name, version, started_at: now, seen_at: now })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ seen_at: now }))
    .execute();
  await catalogue
    .deleteFrom('cofre.workers')
    .where('seen_at', '<', sql<Date>`pg_catalog.now() - pg_catalog.make_interval(hours => ${FORGOTTEN_AFTER_HOURS})`)
    .execute();
}
