import { sql } from 'kysely';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { toErrorDocument } from '../error-document.ts';
import type { Claim } from './claims.ts';

const LET_GO = { claimed_by: null, claimed_until: null } as const;

/** Nobody has it any more; it is due as it was. */
export async function releaseClaim(catalogue: Catalogue, claim: Claim): Promise<void> {
  await own(catalogue, claim).set(LET_GO).execute();
}

/**
 * For who holds the implementation's lock: it was backed up. Whoever moved its next time meanwhile, because the schedule
 * changed, has the last word.
 */
export async function settleDone(
  catalogue: Catalogue,
  claim: Claim,
  { now, dueBy, next }: { readonly now: Date; readonly dueBy: Date; readonly next: Date | null },
): Promise<void> {
  await catalogue
    .updateTable('cofre.implementation_settings')
    .where('implementation_id', '=', claim.implementationId)
    .set({
      ...LET_GO,
      next_backup_at: sql`CASE WHEN next_backup_at <= ${dueBy} THEN ${next} ELSE next_backup_at END`,
      last_scheduled_at: now,
      failures: 0,
      retry_at: null,
      last_error: null,
      needs_worker: false,
    })
    .execute();
}

/** The same of several, each with the time when it is due next. */
export async function settleAllDone(
  catalogue: Catalogue,
  done: readonly { readonly claim: Claim; readonly next: Date }[],
  { now, dueBy }: { readonly now: Date; readonly dueBy: Date },
): Promise<void> {
  await sql`
    UPDATE cofre.implementation_settings AS s
    SET claimed_by = NULL, claimed_until = NULL, last_scheduled_at = ${now}, failures = 0, retry_at = NULL,
        last_error = NULL, needs_worker = false,
        next_backup_at = CASE WHEN s.next_backup_at <= ${dueBy} THEN v.next ELSE s.next_backup_at END
    FROM ROWS FROM (
      pg_catalog.unnest(${done.map(({ claim }) => claim.implementationId)}::pg_catalog.uuid[]),
      pg_catalog.unnest(${done.map(({ next }) => next)}::pg_catalog.timestamptz[])
    ) AS v (id, next)
    WHERE s.implementation_id = v.id`.execute(catalogue);
}

/** Nobody has them any more that were taken by one claim; they are due as they were. */
export async function releaseClaims(catalogue: Catalogue, id: string): Promise<void> {
  await catalogue.updateTable('cofre.implementation_settings').set(LET_GO).where('claimed_by', '=', id).execute();
}

/** It could not be backed up now. `next`: when it is due; where that is as before, `retryAt` says when to try again. */
export async function settleFailed(
  catalogue: Catalogue,
  claim: Claim,
  failure:
    | { readonly error: unknown; readonly retryAt: Date }
    | { readonly error: unknown; readonly next: Date | null },
): Promise<void> {
  await own(catalogue, claim)
    .set({
      ...LET_GO,
      failures: claim.failures + 1,
      last_error: JSON.stringify(toErrorDocument(failure.error)),
      ...('next' in failure ? { next_backup_at: failure.next, retry_at: null } : { retry_at: failure.retryAt }),
    })
    .execute();
}

/** Somebody else was at it. */
export async function postpone(catalogue: Catalogue, claim: Claim, retryAt: Date): Promise<void> {
  await own(catalogue, claim)
    .set({ ...LET_GO, retry_at: retryAt })
    .execute();
}

/** Its schedule or the implementation itself is gone. */
export async function unschedule(catalogue: Catalogue, claim: Claim): Promise<void> {
  await own(catalogue, claim)
    .set({ ...LET_GO, next_backup_at: null, retry_at: null, failures: 0 })
    .execute();
}

/** It is too large for who had it: it is due as it was, for a worker. */
export async function settleDeferred(catalogue: Catalogue, claim: Claim): Promise<void> {
  await own(catalogue, claim)
    .set({ ...LET_GO, needs_worker: true })
    .execute();
}

/** Only as long as it is ours: another runner may have taken over what we left too long. */
function own(catalogue: Catalogue, claim: Claim) {
  return catalogue
    .updateTable('cofre.implementation_settings')
    .where('implementation_id', '=', claim.implementationId)
    .where('claimed_by', '=', claim.id);
}
