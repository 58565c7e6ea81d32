import {
  assert,
  type BackupDocument,
  type BackupSettings,
  type BackupType,
  backupId,
  type Compression,
  isCofreError,
} from '@cofre/contracts';
import {
  type BackupWriter,
  type CompletedBackup,
  type Manifest,
  type ManifestHead,
  type ManifestTable,
  type PackWriter,
  type PlatformRows,
  ProbeRefuted,
  type Repository,
  type RowBatch,
  type WriteLease,
  type WrittenTable,
} from '@cofre/engine';
import {
  type Captured,
  captureSlices,
  giveBack,
  markLineage,
  printTable,
  resolveSlice,
  type Slice,
  type SliceTable,
  type TableProbe,
} from '@cofre/postgres';
import type { Insertable } from 'kysely';
import type pg from 'pg';
import { actorColumns } from '../actor.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import type { ModuleBackupsTable } from '../catalogue/schema.ts';
import { toErrorDocument } from '../error-document.ts';
import { notify } from '../notifications/notify.ts';
import { readPlatformRows } from '../modules/platform-rows.ts';
import type { SliceInputs } from '../modules/find-implementation.ts';
import { type Expiry, expiryOf } from '../retention/compute-expiry.ts';
import { type Progress, progressOf } from '../progress.ts';
import type { ServiceContext } from '../service-context.ts';
import { buildsOnEarlier, chooseRead, isReadAlone, tableParent } from './choose-probe.ts';
import { type ConfigBudget, ConfigRows } from './config-rows.ts';
import { estimateRows } from './estimate-rows.ts';
import { findBackup, toBackupDocument } from './find-backup.ts';
import { findParents, NO_PARENTS, type Parents } from './find-parents.ts';
import { type Holding, holdsTheSame } from './holds-the-same.ts';
import { markCompleted } from './mark-completed.ts';
import { toManifestTable } from './manifest-table.ts';
import { type CompletedColumns, completedColumns, settleInterrupted, summaryOf } from './recover-interrupted.ts';
import type { SharedWork } from './shared-work.ts';
import { staysUntil } from './stays-until.ts';

/** As much is read by one session before a second one has joined it in its snapshot and locks. */
const SMALL_SLICE_BYTES = 4 * 1024 * 1024;

export interface BackupRequest {
  readonly slice: SliceInputs;
  readonly type: BackupType;
  readonly description: string | null;
  /** null: never; undefined: as the settings have it. */
  readonly expiresAt: string | null | undefined;
  /** Default: the repository's. */
  readonly compression: Compression | undefined;
  /** True for the backup that a restore makes of what it is about to overwrite. */
  readonly safety: boolean;
  /** What made it; default: somebody who asked, or a restore. */
  readonly origin?: 'manual' | 'scheduled';
  readonly jobId?: string;
  /** The time of the schedule that it is made for, exactly as the catalogue has it. */
  readonly scheduledFor?: string;
  /** Those in force, where they are known already. */
  readonly settings?: BackupSettings;
  /** With the backups that are made before and after it. */
  readonly shared?: SharedWork;
  /** Nothing is kept where an earlier backup holds the same, and stays at least until then. Default: it is always kept. */
  readonly skipIfHeldUntil?: Date;
}

/**
 * Takes one backup. The caller holds the implementation's lock. The catalogue's row says `running` first, and ends as
 * `completed` (after the manifest, which is the commit), `failed` or `canceled`; never is it left running.
 */
export async function takeBackup(
  context: ServiceContext,
  request: Omit<BackupRequest, 'skipIfHeldUntil'>,
): Promise<BackupDocument> {
  const backup = await takeBackupIfChanged(context, request);
  assert(backup !== null, 'only a backup that may be skipped is');
  return backup;
}

/** The same, or null: an earlier backup holds the same (`skipIfHeldUntil`). Then there is no row and no object of it. */
export async function takeBackupIfChanged(
  context: ServiceContext,
  request: BackupRequest,
): Promise<BackupDocument | null> {
  const { slice, shared } = request;
  const { ref } = slice;
  const repository = await context.openRepository();
  await settleInterrupted(context.catalogue, ref.id, repository);
  // Before any manifest is read that the backup will build on: what a collector may delete meanwhile is not built on.
  if (shared !== undefined) return takeLeased(context, request, { repository, lease: shared.lease(repository) });
  const lease = repository.takeLease();
  try {
    return await takeLeased(context, request, { repository, lease });
  } finally {
    await lease.then(
      (taken) => taken.release(),
      () => undefined,
    );
  }
}

/** A lease that cannot be had fails the backup in the list, as everything does that happens after its beginning. */
async function takeLeased(
  context: ServiceContext,
  request: BackupRequest,
  { repository, lease }: { readonly repository: Repository; readonly lease: Promise<WriteLease> },
): Promise<BackupDocument | null> {
  const { slice, type } = request;
  const parents = await lease.then(
    () => findParents(context, repository, { ref: slice.ref, type }),
    () => NO_PARENTS,
  );
  const job = new BackupJob({ context, request, repository, lease, parents });
  // What may not be kept is in the list from when it is known that it will be.
  if (request.skipIfHeldUntil === undefined) await job.list();
  try {
    if ((await job.run()) === 'held') return null;
  } catch (error) {
    // Stopped because the session with the lock broke off: that is a failure to be seen, not somebody's wish.
    const reason: unknown = context.signal?.reason;
    await job.markEnded(isCofreError(reason) ? reason : error);
    throw error;
  }
  const backup = toBackupDocument(await findBackup(context.catalogue, job.id));
  context.onEnded?.({ kind: 'backup', type: backup.type, result: 'completed', ...backup.stats });
  return backup;
}

/** What backups of one snapshot share. */
export interface Together {
  readonly packs: PackWriter;
  readonly configBudget: ConfigBudget;
}

export interface JobInput {
  readonly context: ServiceContext;
  readonly request: BackupRequest;
  readonly repository: Repository;
  readonly lease: Promise<WriteLease>;
  readonly parents: Parents;
}

/** One backup in the making. Alone it is `run`; several of one snapshot go through the same steps together (take-backups.ts). */
export class BackupJob {
  readonly id;
  readonly #context: ServiceContext;
  readonly #request: BackupRequest;
  readonly #repository: Repository;
  readonly #lease: Promise<WriteLease>;
  readonly #parents: Parents;
  readonly #type: BackupRequest['type'];
  readonly #compression: Compression;
  readonly #createdAt: Date;
  readonly #progress: Progress;
  #listed: Promise<Expiry> | null = null;
  #writer: BackupWriter | null = null;
  #configRows = new ConfigRows();
  #tables = new Map<number, ManifestTable>();
  /** By table: what its probe answered and cannot be. */
  readonly #contradictions = new Map<string, string>();
  #rowsTotal: number | null = null;
  #platform: PlatformRows | undefined;
  /** The manifest is in the repository: from here on the backup is done, whatever the catalogue says. */
  #isStored = false;

  constructor({ context, request, repository, lease, parents }: JobInput) {
    this.#context = context;
    this.#request = request;
    this.#repository = repository;
    this.#lease = lease;
    this.#parents = parents;
    this.id = backupId.parse(context.random.uuid());
    this.#createdAt = context.clock.now();
    // With nothing to build on, what is stored is a full backup; call it so.
    this.#type = buildsOnEarlier(request.type) && parents.whole === null ? 'full' : request.type;
    this.#compression = request.compression ?? repository.compression;
    this.#progress = progressOf(context);
  }

  /** Makes the row of the list, once; gives when the backup ends. */
  list(): Promise<Expiry> {
    this.#listed ??= this.#insertRow();
    return this.#listed;
  }

  async #insertRow(): Promise<Expiry> {
    const { row, expiry } = await this.row();
    await insertRows(this.#context.catalogue, [row]);
    return expiry;
  }

  /** What the list says of it from its beginning. For who inserts it, and says so by `wasListed`. */
  async row(): Promise<{ readonly row: NewBackup; readonly expiry: Expiry }> {
    const { slice, scheduledFor, safety, expiresAt: asked, settings } = this.#request;
    const { ref } = slice;
    const { catalogue } = this.#context;
    const expiry = await expiryOf(catalogue, { ref, createdAt: this.#createdAt, safety, asked, settings });
    return {
      expiry,
      row: {
        id: this.id,
        source_implementation_id: ref.id,
        module_slug: ref.module,
        implementation_key: ref.key,
        backup_type: this.#type,
        status: 'running',
        parent_id: this.#parentId,
        created_at: this.#createdAt,
        ...actorColumns(this.#context.actor),
        description: this.#request.description,
        expires_at: expiry.expiresAt,
        expiry_source: expiry.source,
        safety,
        origin: safety ? 'safety' : (this.#request.origin ?? 'manual'),
        job_id: this.#request.jobId ?? null,
        metadata: JSON.stringify(scheduledFor === undefined ? {} : { scheduledFor }),
        encrypted: this.#repository.encrypted,
        compression: this.#compression,
        repository_id: this.#repository.id,
        probe: JSON.stringify(this.#probe),
      },
    };
  }

  wasListed(expiry: Expiry): void {
    this.#listed = Promise.resolve(expiry);
  }

  /** `held`: an earlier backup holds the same, so that nothing was kept. */
  async run(): Promise<'completed' | 'held'> {
    try {
      await this.readPlatform();
      const captured = await this.#capture();
      if (await this.isHeld(captured)) {
        await this.#writer?.abort();
        return 'held';
      }
      await this.list();
      await this.#markLineage();
      this.#report('store');
      const completed = await this.writer.complete(await this.headOf(captured));
      await markCompleted(this.#context.catalogue, [{ id: this.id, columns: this.stored(completed) }]);
      await this.tellOfContradictions();
      this.#report('done');
      return 'completed';
    } catch (error) {
      await this.#writer?.abort();
      throw error;
    }
  }

  /**
   * What a database answers and cannot be is for somebody to look at: the table was read whole, but what was asked of it
   * before may have been answered wrongly, too. The backup is whole and says so itself; that nobody could be told is no failure.
   */
  async tellOfContradictions(): Promise<void> {
    if (this.#contradictions.size === 0) return;
    const { ref } = this.#request.slice;
    await notify(this.#context, {
      kind: 'chain-differs',
      severity: 'error',
      key: `chain-differs ${ref.id}`,
      implementation: ref,
      params: { backupId: this.id, tables: [...this.#contradictions.keys()] },
    }).catch(() => undefined);
  }

  /** Best effort: where this fails too, the row's lock is free and the next command marks it. The first error is reported. */
  async markEnded(error: unknown): Promise<void> {
    // The next command finds the manifest and marks the row completed.
    if (this.#isStored) return;
    const status = isCofreError(error, 'backup/interrupted') ? 'canceled' : 'failed';
    const durationMs = Math.max(0, this.#context.clock.now().getTime() - this.#createdAt.getTime());
    const counts = { durationMs, bytesRaw: 0, bytesStored: 0 };
    this.#context.onEnded?.({ kind: 'backup', type: this.#type, result: status, ...counts });
    await this.list().catch(() => undefined);
    await this.#context.catalogue
      .updateTable('public.module_backups')
      .set({ status, error: JSON.stringify(toErrorDocument(error)) })
      .where('id', '=', this.id)
      .where('status', '=', 'running')
      .execute()
      .catch(() => undefined);
  }

  get #parentId() {
    return buildsOnEarlier(this.#type) ? (this.#parents.whole?.backupId ?? null) : null;
  }

  get #isSmall(): boolean {
    const { whole } = this.#parents;
    return whole !== null && whole.stats.bytesRaw <= SMALL_SLICE_BYTES;
  }

  /** What is known before it begins; a manifest says it table by table. */
  get #probe(): { used: boolean; reason?: string } {
    const because = (reason: string) => ({ used: false, reason });
    const { type } = this.#request;
    if (buildsOnEarlier(type) && this.#parents.whole === null) {
      const what = type === 'differential' ? 'full' : 'earlier';
      return because(
        this.#parents.unreadable.length === 0
          ? `there is no ${what} backup to build on, so this one is full`
          : `no ${what} backup can be read, so this one is full; run \`cofre repo check\``,
      );
    }
    return buildsOnEarlier(type) ? { used: false } : because(`a ${this.#type} backup reads every row`);
  }

  async readPlatform(): Promise<void> {
    this.#platform = await readPlatformRows(this.#context.catalogue, this.#request.slice.ref.id);
  }

  /** Anew, whatever was written before. */
  async startWriter(together?: Together): Promise<void> {
    this.#writer = this.#repository.startBackup({
      lease: await this.#lease,
      compression: this.#compression,
      parents: this.#parents.all,
      signal: this.#context.signal,
      packs: together?.packs,
    });
    this.#configRows = new ConfigRows(together?.configBudget);
    this.#contradictions.clear();
    this.#tables = new Map();
  }

  async #capture(): Promise<Captured> {
    const { database, settings, signal } = this.#context;
    const { slice, shared } = this.#request;
    const like = `${this.#type} ${slice.ref.module}`;
    await this.startWriter();
    this.#report('prepare');
    const captured = await captureSlices({
      database,
      readers: this.#isSmall ? 1 : settings.readers,
      lockTimeoutMs: settings.lockTimeoutMs,
      lockFirst: shared?.lockedBy(like),
      signal,
      resolve: (client) => this.#resolve(client),
      onTable: (table, batches, probe) => this.writeTable(table, batches, probe),
      onRetry: async () => {
        await this.#writer?.abort();
        await this.startWriter();
      },
    });
    shared?.remember(like, captured.locked);
    return captured;
  }

  async #resolve(client: pg.ClientBase): Promise<Slice> {
    const { definition, rootKey, ref } = this.#request.slice;
    const slice = await resolveSlice(client, definition, rootKey, { implementationId: ref.id });
    const chosen = { ...slice, tables: slice.tables.filter((table) => this.reads(table)) };
    this.#rowsTotal ??= await estimateRows(client, chosen, this.#parents.all);
    return chosen;
  }

  reads({ role }: Pick<SliceTable, 'role'>): boolean {
    return this.#type !== 'config_only' || role === 'config';
  }

  /** Whether a table is read by a query of its own, also where others are read along with those of other backups. */
  readsAlone(table: SliceTable): boolean {
    return isReadAlone(table, { parents: this.#parents });
  }

  async writeTable(table: SliceTable, batches: AsyncIterable<RowBatch>, probe: TableProbe): Promise<void> {
    const choice = await chooseRead(table, { type: this.#type, parents: this.#parents, probe });
    let read: ManifestTable['read'] = choice.how === 'probe' ? { how: 'probe', reason: null } : choice;
    let written: WrittenTable | null = null;
    if (choice.how === 'probe') {
      const input = {
        table: printTable(table.facts),
        layout: table.layout,
        inherited: choice.parent,
        probe: (lows: readonly string[]) => probe.open(choice.since, lows),
      };
      try {
        written = await this.writer.writeProbed(input);
      } catch (error) {
        if (!(error instanceof ProbeRefuted)) throw error;
        read = { how: 'whole', reason: error.reason };
        if (error.isAlarming) this.#contradictions.set(printTable(table.facts), error.reason);
      }
    }
    written ??= await this.#writeWhole(table, batches);
    this.#tables.set(table.facts.oid, toManifestTable(table, written, read));
    if (this.writer.blocksNew > 0) await this.list();
  }

  #writeWhole(table: SliceTable, batches: AsyncIterable<RowBatch>): Promise<WrittenTable> {
    const name = printTable(table.facts);
    const keep = table.role === 'config' && !this.#repository.encrypted;
    return this.writer.writeTable({
      table: name,
      layout: table.layout,
      batches: this.#reporting(name, keep ? this.#configRows.tee(table, batches) : batches),
      inherited: tableParent(this.#parents.all, table)?.stored ?? null,
    });
  }

  get writer(): BackupWriter {
    assert(this.#writer !== null, 'the writer is there before the first table');
    return this.#writer;
  }

  async *#reporting<T>(table: string, batches: AsyncIterable<T>): AsyncGenerator<T, void, void> {
    for await (const batch of batches) {
      yield batch;
      this.#report('read', table);
    }
  }

  #report(phase: 'prepare' | 'read' | 'store' | 'done', table?: string): void {
    const { rows, bytes } = this.#writer?.progress ?? { rows: 0, bytes: 0 };
    const event = { phase, rows, bytes, rowsTotal: this.#rowsTotal };
    this.#progress.report(table === undefined ? event : { ...event, table });
  }

  /** After the snapshot, in a transaction of its own: it says that this database's history went through the backup. */
  async #markLineage(): Promise<void> {
    const { database } = this.#context;
    const client = await database.connect({ applicationName: 'cofre lineage' });
    try {
      await markLineage(client, this.id);
    } finally {
      await giveBack(database, client);
    }
  }

  #holding({ slice }: Pick<Captured, 'slice'>): Holding {
    const tables = slice.tables.map(({ facts }) => {
      const table = this.#tables.get(facts.oid);
      assert(table !== undefined, `${printTable(facts)} was written`);
      return table;
    });
    const { definition, rootKey, ref } = this.#request.slice;
    const platform = this.#platform === undefined ? {} : { platform: this.#platform };
    return { type: this.#type, implementation: ref, definition, rootKey, ...platform, tables };
  }

  /** Whether this backup may be left out: then every block of it is another's, and nothing of it was put anywhere. */
  async isHeld(captured: Pick<Captured, 'slice'>, isThere?: (pack: string) => Promise<boolean>): Promise<boolean> {
    const { skipIfHeldUntil: until } = this.#request;
    const writer = this.#writer;
    if (until === undefined || writer === null || writer.blocksNew > 0) return false;
    const { all, whole } = this.#parents;
    const earlier = this.#type === 'config_only' ? all[0] : whole;
    if (earlier == null || !holdsTheSame(earlier, this.#holding(captured))) return false;
    return (
      (await staysUntil(this.#context.catalogue, earlier.backupId, until)) &&
      (await writer.findMissing(isThere)) === null
    );
  }

  /** What the manifest says besides what was written. It is in the list by then. */
  async headOf(captured: Pick<Captured, 'slice' | 'snapshot'>): Promise<ManifestHead> {
    const { expiresAt } = await this.list();
    const { clock, actor, settings } = this.#context;
    return {
      ...this.#holding(captured),
      backupId: this.id,
      parentId: this.#parentId,
      createdAt: this.#createdAt.toISOString(),
      createdBy: actor.name,
      description: this.#request.description,
      expiresAt: expiresAt?.toISOString() ?? null,
      safety: this.#request.safety,
      madeBy: settings.madeBy,
      snapshot: captured.snapshot,
      durationMs: Math.max(0, clock.now().getTime() - this.#createdAt.getTime()),
    };
  }

  /** The manifest is in the repository: gives what the row has to say now. */
  stored(completed: CompletedBackup): CompletedColumns {
    this.#isStored = true;
    const completedAt = this.#context.clock.now();
    return completedColumns({ ...completed, completedAt, backupData: this.#summary(completed.manifest) });
  }

  /** What the catalogue shows without the repository. The rows of an encrypted backup never leave it unsealed. */
  #summary(manifest: Manifest): object {
    const summary = summaryOf(manifest);
    if (this.#repository.encrypted) return { ...summary, config: null, configLeftOut: 'encrypted' };
    const config = this.#configRows.result();
    return config === null ? { ...summary, config, configLeftOut: 'too-large' } : { ...summary, config };
  }
}

export type NewBackup = Omit<Insertable<ModuleBackupsTable>, 'implementation_id'>;

/** Makes the rows of backups that begin. */
export async function insertRows(catalogue: Catalogue, rows: readonly NewBackup[]): Promise<void> {
  await insertion(catalogue, rows).execute();
}

/** Makes the rows of backups that are not in the list. Gives how many were not. */
export async function insertUnlisted(catalogue: Catalogue, rows: readonly NewBackup[]): Promise<number> {
  if (rows.length === 0) return 0;
  const query = insertion(catalogue, rows).onConflict((conflict) => conflict.column('id').doNothing());
  return (await query.returning('id').execute()).length;
}

function insertion(catalogue: Catalogue, rows: readonly NewBackup[]) {
  return catalogue.insertInto('public.module_backups').values((eb) =>
    rows.map((row) => ({
      ...row,
      // NULL where the implementation was deleted: a restore that brings it back begins with a safety backup.
      implementation_id: eb
        .selectFrom('cofre.v_module_implementations')
        .select('id')
        .where('id', '=', row.source_implementation_id ?? null),
    })),
  );
}
