import {
  type CleanupDocument,
  type CleanupExpiredBackupsInput,
  cleanupExpiredBackupsInput,
  isCofreError,
  parseInput,
  type RemoveReason,
} from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import { audit } from '../audit/audit.ts';
import { withImplementationLock } from '../backups/implementation-lock.ts';
import { recoverInterrupted } from '../backups/recover-interrupted.ts';
import { removeBackup } from '../backups/remove-backup.ts';
import { toCofreError } from '../error-document.ts';
import { notify } from '../notifications/notify.ts';
import type { ServiceContext } from '../service-context.ts';
import { NO_BUDGET, type WorkBudget } from '../work-budget.ts';
import { chooseRemovals, type Verdict } from './choose-removals.ts';
import { readRetained, retainedPages, type RetainedGroup, type RetainedRow } from './read-retained.ts';
import { settleOrphans } from './settle-orphans.ts';

/**
 * Removes backups whose time is over, and those of deleted implementations after their grace. What is chosen is chosen
 * again under the implementation's lock, so that a hold, or new settings, set in between win. One that fails holds up no
 * other; an implementation that somebody is at waits for the next run.
 */
export async function cleanupExpiredBackups(
  caller: ServiceContext,
  input: CleanupExpiredBackupsInput = {},
  budget: WorkBudget = NO_BUDGET,
): Promise<CleanupDocument> {
  const { now: at, dryRun, limit } = parseInput(cleanupExpiredBackupsInput, input);
  const context = await authorize(caller, 'cleanupExpiredBackups');
  const now = at === undefined ? context.clock.now() : new Date(at);
  if (!dryRun) await recoverInterrupted(context);
  const run = new CleanupRun({ context, names: caller.catalogue, now, dryRun, limit: limit ?? Infinity, budget });
  await run.removeExpired();
  if (!dryRun) await run.report();
  return run.document();
}

interface RunInput {
  readonly context: ServiceContext;
  readonly names: ServiceContext['catalogue'];
  readonly now: Date;
  readonly dryRun: boolean;
  readonly limit: number;
  readonly budget: WorkBudget;
}

interface Chosen {
  readonly backup: RetainedRow;
  readonly reason: RemoveReason;
}

/** Those that are told one by one: more would be read by nobody, and have to fit into memory. */
const ITEMS_MAX = 1000;

class CleanupRun {
  readonly #input: RunInput;
  readonly #items: CleanupDocument['items'] = [];
  readonly #failed: CleanupDocument['failed'] = [];
  readonly #counts = { done: 0, left: 0, kept: 0, removedBytes: 0 };

  constructor(input: RunInput) {
    this.#input = input;
  }

  async removeExpired(): Promise<void> {
    const { context, names, dryRun } = this.#input;
    for await (const page of retainedPages(context.catalogue, { names })) {
      if (!dryRun) await settleOrphans(context, page);
      for (const group of page) await this.#cleanUp(group);
    }
  }

  async #cleanUp(group: RetainedGroup): Promise<void> {
    const chosen = chosenOf(group, this.#input.now);
    this.#counts.kept += group.backups.length - chosen.length;
    if (chosen.length === 0) return;
    if (this.#input.dryRun) {
      for (const one of chosen) if (this.#mayStart()) this.#count(group, one);
      return;
    }
    if (!this.#input.budget.mayStart()) {
      this.#counts.left += chosen.length;
      return;
    }
    await this.#removeFrom(group, chosen);
  }

  async #removeFrom(group: RetainedGroup, chosen: readonly Chosen[]): Promise<void> {
    const { context } = this.#input;
    let settled = 0;
    try {
      await withImplementationLock(context, group.ref, async (signal) => {
        const still = await this.#stillChosen(group);
        for (const one of chosen) {
          signal.throwIfAborted();
          if (!still.has(one.backup.id)) this.#counts.kept++;
          else if (this.#mayStart()) await this.#remove(group, one);
          settled++;
        }
      });
    } catch (error) {
      if (context.signal?.aborted === true) throw error;
      if (isCofreError(error, 'backup/busy')) this.#counts.left += chosen.length - settled;
      else await this.#fail(group, error);
    }
  }

  /** As it is now that nobody else can begin anything with this implementation. */
  async #stillChosen({ ref }: RetainedGroup): Promise<ReadonlySet<string>> {
    const { context, names, now } = this.#input;
    const groups = await readRetained(context.catalogue, { names, implementationId: ref.id });
    return new Set(groups.flatMap((group) => chosenOf(group, now)).map(({ backup }) => backup.id));
  }

  async #remove(group: RetainedGroup, chosen: Chosen): Promise<void> {
    const { backup, reason } = chosen;
    const details = { type: backup.type, createdAt: backup.createdAt.toISOString(), bytesStored: backup.sizeBytes };
    const entry = {
      action: 'DELETE_MODULE_BACKUP',
      implementation: group.ref,
      backupId: backup.id,
      details: { ...details, reason, by: 'cleanup' },
    } as const;
    try {
      const isRemoved = await removeBackup(this.#input.context, { backup: { ...backup, ref: group.ref }, entry });
      if (isRemoved) this.#count(group, chosen);
      else this.#counts.kept++;
    } catch (error) {
      await this.#fail(group, error);
    }
  }

  #mayStart(): boolean {
    const { limit, budget } = this.#input;
    if (this.#counts.done < limit && budget.mayStart()) return true;
    this.#counts.left++;
    return false;
  }

  #count({ ref }: RetainedGroup, { backup, reason }: Chosen): void {
    this.#counts.done++;
    this.#counts.removedBytes += backup.sizeBytes;
    if (this.#items.length >= ITEMS_MAX) return;
    this.#items.push({
      backupId: backup.id,
      implementation: `${ref.module}/${ref.key}`,
      createdAt: backup.createdAt.toISOString(),
      expiresAt: backup.expiresAt?.toISOString() ?? null,
      reason,
      sizeBytes: backup.sizeBytes,
    });
  }

  async #fail({ ref }: RetainedGroup, error: unknown): Promise<void> {
    const { code } = toCofreError(error);
    this.#failed.push({ implementation: `${ref.module}/${ref.key}`, code });
    await notify(this.#input.context, {
      kind: 'cleanup-failed',
      severity: 'error',
      key: `cleanup-failed:${ref.id}`,
      implementation: ref,
      params: { code },
    });
  }

  /** A run that had nothing to do is not worth a line in the log. */
  async report(): Promise<void> {
    const { done, left, kept, removedBytes } = this.#counts;
    if (done === 0 && this.#failed.length === 0) return;
    await audit(this.#input.context, {
      action: 'EXPIRED_BACKUPS_CLEANUP',
      outcome: done === 0 ? 'failed' : 'done',
      details: { removed: done, failed: this.#failed.length, left, kept, removedBytes },
    });
  }

  document(): CleanupDocument {
    return {
      dryRun: this.#input.dryRun,
      ...this.#counts,
      failed: this.#failed,
      deferred: 0,
      freedBytes: 0,
      freedObjects: 0,
      waitingBytes: 0,
      plans: 0,
      items: this.#items,
    };
  }
}

/** What would be removed, the oldest first. */
function chosenOf({ settings, backups, implementation }: RetainedGroup, now: Date): readonly Chosen[] {
  const { held, isGone, goneSince } = implementation;
  const verdicts: readonly Verdict[] = chooseRemovals({
    settings,
    now,
    backups,
    // Seen gone for the first time: its grace begins now.
    implementation: { held, goneSince: isGone ? (goneSince ?? now) : null },
  });
  const byId = new Map(backups.map((backup) => [backup.id, backup]));
  return verdicts
    .flatMap((verdict) => {
      const backup = byId.get(verdict.id);
      return verdict.verdict === 'remove' && backup !== undefined ? [{ backup, reason: verdict.reason }] : [];
    })
    .reverse();
}
