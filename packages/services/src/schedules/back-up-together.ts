import { assert } from '@cofre/contracts';
import { type AuditEntry, auditQuery } from '../audit/audit.ts';
import { busy, withImplementationLocks } from '../backups/implementation-lock.ts';
import { type Taken, takeBackups } from '../backups/take-backups.ts';
import type { SliceInputs } from '../modules/find-implementation.ts';
import {
  auditOf,
  backUpClaimed,
  type Due,
  dueOf,
  type Outcome,
  renewing,
  requestOf,
  type ScheduledRun,
} from './back-up-claimed.ts';
import { type Claimed, heldBy } from './claims.ts';
import { judgeFailure } from './judge-failure.ts';
import { releaseClaims, settleAllDone } from './settle-claim.ts';

/** What the newest backup of a slice read at most, where it is backed up along with others: they wait for each other. */
const SMALL_SLICE_BYTES = 4 * 1024 * 1024;

/**
 * What `backUpClaimed` does, for implementations that were claimed together: those that are small in one snapshot. Tells of
 * each how it went, as soon as that is known. Throws only where the catalogue itself fails, or the run was interrupted.
 */
export async function backUpTogether(
  run: ScheduledRun,
  claimed: readonly Claimed[],
  onOutcome: (implementationId: string, outcome: Outcome) => void,
): Promise<void> {
  const [first] = claimed;
  if (first === undefined) return;
  try {
    await renewing(run, first.claim, async () => {
      const small = await smallOf(run, claimed);
      const rest = claimed.filter((one) => !small.has(one));
      if (small.size > 1) await new JointRun(run, onOutcome).run([...small]);
      else rest.push(...small);
      for (const one of rest) onOutcome(one.claim.implementationId, await backUpClaimed(run, one));
    });
  } catch (error) {
    // Whatever ended the run: nobody is at them any more.
    await releaseClaims(run.context.catalogue, first.claim.id).catch(() => undefined);
    throw error;
  }
}

/** What somebody else had begun, and what has no schedule any more, is looked at one by one. */
async function smallOf(run: ScheduledRun, claimed: readonly Claimed[]): Promise<ReadonlySet<Claimed>> {
  const fresh = claimed.filter((one) => !one.claim.isTakenOver && dueOf(run, one) !== null);
  if (fresh.length < 2) return new Set();
  const ids = fresh.map(({ claim }) => claim.implementationId);
  const rows = await run.context.catalogue
    .selectFrom('public.module_backups')
    .distinctOn('source_implementation_id')
    .select(['source_implementation_id as id', 'stats'])
    .where('source_implementation_id', 'in', ids)
    .where('status', '=', 'completed')
    .where('deleted_at', 'is', null)
    .orderBy('source_implementation_id')
    .orderBy('created_at', 'desc')
    .execute();
  const large = new Set(rows.flatMap(({ id, stats }) => ((stats?.bytesRaw ?? 0) > SMALL_SLICE_BYTES ? [id] : [])));
  return new Set(fresh.filter(({ claim }) => !large.has(claim.implementationId)));
}

interface DueSlice {
  readonly due: Due;
  readonly slice: SliceInputs;
}

class JointRun {
  readonly #run: ScheduledRun;
  readonly #onOutcome: (implementationId: string, outcome: Outcome) => void;

  constructor(run: ScheduledRun, onOutcome: (implementationId: string, outcome: Outcome) => void) {
    this.#run = run;
    this.#onOutcome = onOutcome;
  }

  async run(claimed: readonly Claimed[]): Promise<void> {
    const { context } = this.#run;
    const ready = (await Promise.all(claimed.map((one) => this.#prepare(one)))).filter((one) => one !== null);
    const refs = ready.map(({ slice }) => slice.ref);
    await withImplementationLocks(context, refs, async (locked, signal) => {
      // Somebody else may have done it while we waited; then nothing is left to do.
      const held = await heldBy(context.catalogue, claimed[0]?.claim.id ?? '');
      const mine: DueSlice[] = [];
      for (const one of ready) {
        const { id } = one.slice.ref;
        if (!locked.has(id)) await this.#fail(one.due, busy(one.slice.ref));
        else if (held.has(id)) mine.push(one);
        else this.#onOutcome(id, { kind: 'settled' });
      }
      await this.#take({ ...this.#run, context: { ...context, signal } }, mine);
    });
  }

  /** null: something is wrong with it, which its outcome says. */
  async #prepare(claimed: Claimed): Promise<DueSlice | null> {
    const due = dueOf(this.#run, claimed);
    assert(due !== null, 'it has a schedule');
    try {
      // Before anything is read: a schedule that is impossible by now would make it due for ever.
      due.next();
      const slice = due.scheduled.slice();
      await this.#run.refuseSharedRows(slice);
      return { due, slice };
    } catch (error) {
      await this.#fail(due, error);
      return null;
    }
  }

  async #take(run: ScheduledRun, mine: readonly DueSlice[]): Promise<void> {
    if (mine.length === 0) return;
    const requests = mine.map(({ due, slice }) => requestOf(due, slice));
    const taken = await takeBackups(run.context, requests, run.shared);
    const outcomes = mine.map(({ due }, index) => ({ due, taken: taken[index] }));
    const done = outcomes.flatMap(({ due, taken: one }) => (isDone(one) ? [{ due, backup: one.backup }] : []));
    await this.#settle(run, done);
    for (const { due, taken: one } of outcomes)
      if (one === undefined || 'failure' in one) await this.#fail(due, one?.failure);
  }

  async #settle(
    { context, dueBy }: ScheduledRun,
    done: readonly { readonly due: Due; readonly backup: Done['backup'] }[],
  ): Promise<void> {
    if (done.length === 0) return;
    const settled = done.map(({ due }) => ({ claim: due.claim, next: due.next() }));
    await settleAllDone(context.catalogue, settled, { now: context.clock.now(), dueBy });
    const entries = done.flatMap(({ due, backup }): readonly AuditEntry[] =>
      backup === null ? [] : auditOf(due.scheduled, backup),
    );
    if (entries.length > 0) await auditQuery(context, ...entries).execute();
    for (const { due, backup } of done)
      this.#onOutcome(due.claim.implementationId, { kind: 'done', unchanged: backup === null });
  }

  async #fail(due: Due, error: unknown): Promise<void> {
    this.#onOutcome(due.claim.implementationId, await judgeFailure(this.#run.context, due, error));
  }
}

type Done = Exclude<Taken, { readonly failure: unknown }>;

function isDone(taken: Taken | undefined): taken is Done {
  return taken !== undefined && !('failure' in taken);
}
