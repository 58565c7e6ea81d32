import { sql } from 'kysely';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { RETRY_MAX_MS } from './back-off.ts';
import { findScheduled, type Scheduled } from './find-scheduled.ts';

/** How long a runner has an implementation for itself without saying so again: who died lets go by then. */
export const CLAIM_MS = 120_000;

/** A claim is renewed so often that two renewals may fail. */
export const RENEW_MS = 30_000;

/**
 * Clocks of machines differ, and a clock may be set back. What lies further ahead than anything could be by more than
 * this was written by a clock that was wrong, and is not waited for.
 */
export const CLOCK_TOLERANCE_MS = 2 * 3_600_000;

/** An implementation that is due, and ours until `claimed_until`. */
export interface Claim {
  /** Of this claim alone, and of those taken together with it: whoever finds another one in its place has lost it. */
  readonly id: string;
  readonly implementationId: string;
  readonly failures: number;
  readonly needsWorker: boolean;
  /** The time it became due, as text, exactly as the catalogue has it. */
  readonly dueAt: string;
  /** Somebody had it before, and never said how it ended. */
  readonly isTakenOver: boolean;
}

export interface DueOptions {
  /** What is due by then. */
  readonly dueBy: Date;
  /** By the clock: whether a claim or a pause is over. */
  readonly now: Date;
  /** False: what needs a worker is left to one. */
  readonly takesLarge: boolean;
  /** Was tried in this run, and is not tried again whatever the clocks say. */
  readonly passed: readonly string[];
}

export interface Claimed {
  readonly claim: Claim;
  /** null: the implementation is gone. */
  readonly scheduled: Scheduled | null;
}

/** Takes implementations that have been due longest and that nobody else has, at most so many. */
export async function claimDue(
  catalogue: Catalogue,
  id: string,
  options: DueOptions & { readonly count: number },
): Promise<readonly Claimed[]> {
  return catalogue.transaction().execute(async (transaction) => {
    // A server that crashes forgets the claim, and ends the sessions of who had it: there is nothing to wait for.
    await sql`SET LOCAL synchronous_commit = off`.execute(transaction);
    const claims = await claim(transaction, id, options);
    const scheduled = await findScheduled(
      transaction,
      claims.map(({ implementationId }) => implementationId),
    );
    return claims.map((own) => ({ claim: own, scheduled: scheduled.get(own.implementationId) ?? null }));
  });
}

async function claim(
  catalogue: Catalogue,
  id: string,
  options: DueOptions & { readonly count: number },
): Promise<readonly Claim[]> {
  const until = new Date(options.now.getTime() + CLAIM_MS);
  const { rows } = await sql<Omit<Claim, 'id'>>`
    WITH due AS (
      SELECT s.implementation_id, s.claimed_by, s.next_backup_at
      FROM cofre.implementation_settings AS s
      WHERE ${isDue(options)} AND ${isFree(options)}
      ORDER BY s.next_backup_at, s.implementation_id
      LIMIT ${options.count}
      FOR UPDATE OF s SKIP LOCKED
    ), taken AS (
      UPDATE cofre.implementation_settings AS s
      SET claimed_by = ${id}, claimed_until = ${until}
      FROM due
      WHERE s.implementation_id = due.implementation_id
      RETURNING s.implementation_id AS "implementationId", s.failures, s.needs_worker AS "needsWorker",
        pg_catalog.to_json(s.next_backup_at) #>> '{}' AS "dueAt", due.claimed_by IS NOT NULL AS "isTakenOver"
    )
    SELECT * FROM taken ORDER BY "dueAt", "implementationId"`.execute(catalogue);
  return rows.map((claimed) => ({ ...claimed, id }));
}

/** Due, waiting for no retry, and not tried by this run. */
function isDue({ dueBy, now, passed }: DueOptions) {
  const beyond = new Date(now.getTime() + RETRY_MAX_MS + CLOCK_TOLERANCE_MS);
  return sql`s.next_backup_at <= ${dueBy}
    AND (s.retry_at IS NULL OR s.retry_at <= ${later(dueBy, now)} OR s.retry_at > ${beyond})
    AND s.implementation_id <> ALL (${passed}::pg_catalog.uuid[])`;
}

/** Besides: nobody's, and not too large. */
function isFree({ now, takesLarge }: DueOptions) {
  const beyond = new Date(now.getTime() + CLAIM_MS + CLOCK_TOLERANCE_MS);
  const size = takesLarge ? sql`` : sql`AND NOT s.needs_worker`;
  return sql`(s.claimed_until IS NULL OR s.claimed_until <= ${now} OR s.claimed_until > ${beyond}) ${size}`;
}

/** Makes all last that were taken by one claim. */
export async function renewClaims(catalogue: Catalogue, id: string, now: Date): Promise<void> {
  await catalogue
    .updateTable('cofre.implementation_settings')
    .set({ claimed_until: new Date(now.getTime() + CLAIM_MS) })
    .where('claimed_by', '=', id)
    .execute();
}

/** The implementations that a claim still holds; the others lapsed, and somebody else took over. */
export async function heldBy(catalogue: Catalogue, id: string): Promise<ReadonlySet<string>> {
  const rows = await catalogue
    .selectFrom('cofre.implementation_settings')
    .select('implementation_id')
    .where('claimed_by', '=', id)
    .execute();
  return new Set(rows.map((row) => row.implementation_id));
}

/** False: it lapsed, and somebody else took over. */
export async function holdsClaim(catalogue: Catalogue, claim: Claim): Promise<boolean> {
  const row = await catalogue
    .selectFrom('cofre.implementation_settings')
    .select('claimed_by')
    .where('implementation_id', '=', claim.implementationId)
    .executeTakeFirst();
  return row?.claimed_by === claim.id;
}

export interface Waiting {
  /** Due, and not begun. */
  readonly left: number;
  /** Of those that are due: too large for who may take no large ones. */
  readonly deferred: number;
}

/** What is due and was not tried yet, of implementations that are still there. */
export async function countWaiting(catalogue: Catalogue, options: DueOptions): Promise<Waiting> {
  const { rows } = await sql<Waiting>`
    SELECT pg_catalog.count(*) FILTER (WHERE NOT large) AS left, pg_catalog.count(*) FILTER (WHERE large) AS deferred
    FROM (
      SELECT s.needs_worker AND NOT ${options.takesLarge}::pg_catalog.bool AS large
      FROM cofre.implementation_settings AS s
      WHERE ${isDue(options)}
        AND EXISTS (SELECT FROM cofre.v_module_implementations AS i WHERE i.id = s.implementation_id)
    ) AS due`.execute(catalogue);
  return rows[0] ?? { left: 0, deferred: 0 };
}

export function later(one: Date, other: Date): Date {
  return one > other ? one : other;
}
