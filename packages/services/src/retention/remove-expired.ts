import { type CleanupDocument, isCofreError } from '@cofre/contracts';
import { withImplementationLock } from '../backups/implementation-lock.ts';
import { removeBackup } from '../backups/remove-backup.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { toCofreError } from '../error-document.ts';
import { notify } from '../notifications/notify.ts';
import type { ServiceContext } from '../service-context.ts';
import { NO_BUDGET, type WorkBudget } from '../work-budget.ts';
import { chooseBackups, type Chosen, type Left } from './chosen-backups.ts';
import { noteKept } from './note-kept.ts';
import { countExpired, readRetained, retainedPages, type RetainedGroup } from './read-retained.ts';
import { settleOrphans } from './settle-orphans.ts';

export interface RemovalOptions {
  /** Looks up names with the service's rights. */
  readonly names: Catalogue;
  readonly now: Date;
  readonly dryRun: boolean;
  readonly limit: number;
  readonly budget: WorkBudget;
}

/** Backups that are told one by one: more would be read by nobody, and have to fit into memory. */
const ITEMS_MAX = 1000;

/**
 * Removes the backups whose time is over, implementation by implementation. What is chosen is chosen again under the
 * implementation's lock, so that a hold or a setting that came in between wins. One that fails holds up no other.
 */
export class ExpiredRemoval {
  readonly counts = { done: 0, left: 0, kept: 0, removedBytes: 0 };
  readonly items: CleanupDocument['items'] = [];
  readonly failed: CleanupDocument['failed'] = [];
  /** In a dry run: what would be removed. */
  readonly chosenIds = new Set<string>();
  readonly #context: ServiceContext;
  readonly #options: RemovalOptions;

  constructor(context: ServiceContext, options: RemovalOptions) {
    this.#context = context;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { budget } = this.#options;
    // Who is stopped early begins elsewhere each time: what fails for long at one place must not keep it from the others.
    if (budget === NO_BUDGET) return this.#removeBetween({});
    const start = this.#context.random.uuid();
    await this.#removeBetween({ after: start });
    await this.#removeBetween({ upTo: start });
  }

  async #removeBetween(span: { readonly after?: string; readonly upTo?: string }): Promise<void> {
    const { names, dryRun, now, budget } = this.#options;
    const { catalogue } = this.#context;
    let last = span.after;
    for await (const page of retainedPages(catalogue, { names, ...span })) {
      if (!dryRun) await settleOrphans(this.#context, page);
      for (const group of page) await this.#cleanUp(group);
      last = page.at(-1)?.ref.id ?? last;
      if (dryRun || budget.mayStart()) continue;
      this.counts.left += await countExpired(catalogue, { ...span, after: last, now });
      return;
    }
  }

  async #cleanUp(group: RetainedGroup): Promise<void> {
    const { dryRun, now } = this.#options;
    const { chosen, left } = chooseBackups(group, now);
    this.counts.kept += left.length;
    if (!dryRun) await noteKept(this.#context.catalogue, left, now);
    if (chosen.length === 0) return;
    if (!dryRun) return this.#removeFrom(group, chosen);
    for (const one of chosen) if (this.#mayStart()) this.#count(group, one);
  }

  async #removeFrom(group: RetainedGroup, chosen: readonly Chosen[]): Promise<void> {
    // To take the lock is work, too.
    if (this.counts.done >= this.#options.limit || !this.#options.budget.mayStart()) {
      this.counts.left += chosen.length;
      return;
    }
    let settled = 0;
    try {
      await withImplementationLock(this.#context, group.ref, async (signal) => {
        const still = await this.#chooseAgain(group);
        for (const one of chosen) {
          signal.throwIfAborted();
          if (!still.has(one.backup.id)) this.counts.kept++;
          else if (this.#mayStart()) await this.#remove(group, one);
          settled++;
        }
      });
    } catch (error) {
      if (this.#context.signal?.aborted === true) throw error;
      this.counts.left += chosen.length - settled;
      if (!isCofreError(error, 'backup/busy')) await this.#fail(group, error);
    }
  }

  /** As it is now that nobody else can begin anything with this implementation. */
  async #chooseAgain({ ref }: RetainedGroup): Promise<ReadonlySet<string>> {
    const { names, now } = this.#options;
    const groups = await readRetained(this.#context.catalogue, { names, implementationId: ref.id });
    const lefts: Left[] = [];
    const ids = new Set<string>();
    for (const group of groups) {
      const { chosen, left } = chooseBackups(group, now);
      for (const { backup } of chosen) ids.add(backup.id);
      lefts.push(...left);
    }
    await noteKept(this.#context.catalogue, lefts, now);
    return ids;
  }

  async #remove(group: RetainedGroup, chosen: Chosen): Promise<void> {
    const { backup, reason } = chosen;
    const details = { type: backup.type, createdAt: backup.createdAt.toISOString(), bytesStored: backup.sizeBytes };
    const entry = {
      action: 'DELETE_MODULE_BACKUP',
      implementation: group.ref,
      backupId: backup.id,
      details: { ...details, reason },
    } as const;
    try {
      const isRemoved = await removeBackup(this.#context, { backup: { ...backup, ref: group.ref }, entry });
      if (isRemoved) this.#count(group, chosen);
      else this.counts.kept++;
    } catch (error) {
      await this.#fail(group, error);
    }
  }

  #mayStart(): boolean {
    const { limit, budget, dryRun } = this.#options;
    if (this.counts.done < limit && (dryRun || budget.mayStart())) return true;
    this.counts.left++;
    return false;
  }

  #count({ ref }: RetainedGroup, { backup, reason }: Chosen): void {
    this.counts.done++;
    this.counts.removedBytes += backup.sizeBytes;
    if (this.#options.dryRun) this.chosenIds.add(backup.id);
    if (this.items.length >= ITEMS_MAX) return;
    this.items.push({
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
    this.failed.push({ implementation: `${ref.module}/${ref.key}`, code });
    const notice = { kind: 'cleanup-failed', severity: 'error', key: `cleanup-failed:${ref.id}` } as const;
    await notify(this.#context, { ...notice, implementation: ref, params: { code } });
  }
}
