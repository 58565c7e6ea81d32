import {
  assert,
  type BackupDocument,
  type BackupSettings,
  CofreError,
  type CreateBackupsInput,
  createBackupsInput,
  type ErrorDocument,
  type ImplementationRef,
  isCofreError,
  parseInput,
} from '@cofre/contracts';
import type { z } from 'zod';
import { authorize } from '../access/authorize.ts';
import { type AuditEntry, auditQuery } from '../audit/audit.ts';
import { toCofreError, toErrorDocument } from '../error-document.ts';
import {
  allImplementations,
  findImplementation,
  type ImplementationFacts,
  type SliceInputs,
  sliceInputsOf,
} from '../modules/find-implementation.ts';
import { ModuleOverlaps } from '../modules/module-overlaps.ts';
import type { ServiceContext } from '../service-context.ts';
import { mergeSettings } from '../settings/merge-settings.ts';
import { AllSettings } from '../settings/settings-rows.ts';
import { createBackup } from './create-backup.ts';
import { busy, withImplementationLocks } from './implementation-lock.ts';
import { SharedWork } from './shared-work.ts';
import type { BackupRequest } from './take-backup.ts';
import { BACKUPS_TOGETHER_MAX, type Taken, takeBackups } from './take-backups.ts';

export interface BackupBatch {
  readonly items: readonly BackupDocument[];
  readonly failed: number;
  /** Why each of the failed ones failed. */
  readonly failures: readonly { readonly implementation: string; readonly error: ErrorDocument }[];
}

/**
 * Backs up several implementations, of one snapshot (of several where there are more than `BACKUPS_TOGETHER_MAX`). One that
 * fails does not stop the others; an interruption does.
 */
export async function createBackups(caller: ServiceContext, input: CreateBackupsInput): Promise<BackupBatch> {
  const { implementations, ...options } = parseInput(createBackupsInput, input);
  const context = await authorize(caller, 'createBackups', { name: namesOf(implementations) });
  // All names are looked up before the first backup: a typing error starts nothing.
  const all = await chosen(context, implementations);
  const [first] = all;
  const outcomes: (readonly [ImplementationFacts, Outcome])[] = [];
  if (all.length === 1 && first !== undefined) outcomes.push([first, await one(context, first, options)]);
  else {
    const shared = new SharedWork(context.clock);
    try {
      for (let from = 0; from < all.length; from += BACKUPS_TOGETHER_MAX) {
        const some = all.slice(from, from + BACKUPS_TOGETHER_MAX);
        outcomes.push(...(await new JointBackup(context, options, shared).run(some)));
      }
    } finally {
      await shared.end();
    }
  }
  const failures = outcomes.flatMap(([{ ref }, outcome]) =>
    'failure' in outcome ? [{ implementation: nameOf(ref), error: toErrorDocument(outcome.failure) }] : [],
  );
  const items = outcomes.flatMap(([, outcome]) => ('backup' in outcome ? [outcome.backup] : []));
  return { items, failed: failures.length, failures };
}

type Options = Omit<z.output<typeof createBackupsInput>, 'implementations'>;

type Outcome = { readonly backup: BackupDocument } | { readonly failure: unknown };

async function one(context: ServiceContext, { ref }: ImplementationFacts, options: Options): Promise<Outcome> {
  try {
    return { backup: await createBackup(context, { ...options, implementation: ref.id }) };
  } catch (failure) {
    if (isCofreError(failure, 'backup/interrupted')) throw failure;
    return { failure };
  }
}

/** Some implementations, backed up together. */
class JointBackup {
  readonly #context: ServiceContext;
  readonly #options: Options;
  readonly #shared: SharedWork;
  readonly #outcomes = new Map<ImplementationFacts, Outcome>();

  constructor(context: ServiceContext, options: Options, shared: SharedWork) {
    this.#context = context;
    this.#options = options;
    this.#shared = shared;
  }

  async run(all: readonly ImplementationFacts[]): Promise<readonly (readonly [ImplementationFacts, Outcome])[]> {
    const slices = await this.#slicesOf(all);
    const settings = await AllSettings.read(
      this.#context.catalogue,
      all.map(({ ref }) => ref.id),
    );
    const settingsOf = ({ ref, moduleId }: ImplementationFacts) =>
      mergeSettings(settings.layers({ implementationId: ref.id, moduleId })).settings;
    const refs = [...slices.values()].map(({ ref }) => ref);
    await withImplementationLocks(this.#context, refs, async (locked, signal) => {
      const free = [...slices].filter(([{ ref }]) => locked.has(ref.id));
      for (const [facts] of slices)
        if (!locked.has(facts.ref.id)) this.#outcomes.set(facts, { failure: busy(facts.ref) });
      const requests = free.map(([facts, slice]) => this.#requestOf(slice, settingsOf(facts)));
      const taken =
        requests.length === 0 ? [] : await takeBackups({ ...this.#context, signal }, requests, this.#shared);
      for (const [index, [facts]] of free.entries()) this.#outcomes.set(facts, outcomeOf(taken[index]));
    });
    await this.#audit(all, settingsOf);
    const interrupted = [...this.#outcomes.values()].find(
      (outcome) => 'failure' in outcome && isCofreError(outcome.failure, 'backup/interrupted'),
    );
    if (interrupted !== undefined && 'failure' in interrupted) throw interrupted.failure;
    return all.map((facts) => [facts, this.#outcomes.get(facts) ?? outcomeOf(undefined)]);
  }

  /** Of those that may be backed up; what is wrong with the others is their outcome. */
  async #slicesOf(all: readonly ImplementationFacts[]): Promise<ReadonlyMap<ImplementationFacts, SliceInputs>> {
    const overlaps = new ModuleOverlaps(this.#context);
    const slices = new Map<ImplementationFacts, SliceInputs>();
    for (const facts of all) {
      try {
        const slice = sliceInputsOf(facts);
        await overlaps.refuse(slice);
        slices.set(facts, slice);
      } catch (failure) {
        this.#outcomes.set(facts, { failure });
      }
    }
    return slices;
  }

  #requestOf(slice: SliceInputs, settings: BackupSettings): BackupRequest {
    const { type, description, expiresAt, compression } = this.#options;
    const { jobId } = this.#context;
    const asked = { slice, type, description: description ?? null, expiresAt, compression, safety: false, settings };
    return jobId === undefined ? asked : { ...asked, jobId };
  }

  /** What failed is logged whatever the settings say. */
  async #audit(
    all: readonly ImplementationFacts[],
    settingsOf: (facts: ImplementationFacts) => BackupSettings,
  ): Promise<void> {
    const { type } = this.#options;
    const entries = all.flatMap((facts): AuditEntry[] => {
      const outcome = this.#outcomes.get(facts);
      const entry = { action: 'CREATE_MODULE_BACKUP', implementation: facts.ref } as const;
      if (outcome === undefined) return [];
      if ('failure' in outcome)
        return [{ ...entry, outcome: 'failed', details: { type, code: toCofreError(outcome.failure).code } }];
      if (settingsOf(facts).audit.CREATE_MODULE_BACKUP === false) return [];
      const { backup } = outcome;
      return [{ ...entry, backupId: backup.id, details: { type: backup.type, bytesStored: backup.stats.bytesStored } }];
    });
    if (entries.length > 0) await auditQuery(this.#context, ...entries).execute();
  }
}

function outcomeOf(taken: Taken | undefined): Outcome {
  assert(taken !== undefined, 'each was taken or failed');
  if ('failure' in taken) return taken;
  assert(taken.backup !== null, 'only a backup that may be skipped is');
  return { backup: taken.backup };
}

function nameOf({ module, key }: ImplementationRef): string {
  return `${module}/${key}`;
}

/** As they are named in a refusal. */
function namesOf(which: CreateBackupsInput['implementations']): string {
  if ('named' in which) return which.named.join(', ');
  return 'module' in which ? `of the module ${which.module}` : '';
}

async function chosen(
  { catalogue }: ServiceContext,
  which: CreateBackupsInput['implementations'],
): Promise<readonly ImplementationFacts[]> {
  if ('named' in which) return Promise.all(which.named.map((name) => findImplementation(catalogue, name)));
  const module = 'module' in which ? which.module : undefined;
  const all = await allImplementations(catalogue, module);
  // Modules without a definition have nothing to back up, so `--all` means the others.
  const found = all.filter(({ definition }) => module !== undefined || definition !== null);
  if (found.length > 0) return found;
  const where = module === undefined ? 'any module with a definition' : `the module ${module}`;
  throw new CofreError('implementation/not-found', `There is no implementation of ${where}. Nothing was started.`);
}
