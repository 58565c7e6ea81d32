import {
  CofreError,
  type ImplementationRef,
  isCofreError,
  type RestoreDocument,
  type RestoreId,
  restoreId,
  safetyDescription,
} from '@cofre/contracts';
import type { Manifest, Repository, RestorePlan } from '@cofre/engine';
import { type AppliedTable, applyPlan, definitionOfToday, withSessions } from '@cofre/postgres';
import type pg from 'pg';
import { actorColumns } from '../actor.ts';
import { type AuditEntry, auditQuery } from '../audit/audit.ts';
import { takeBackup } from '../backups/take-backup.ts';
import { toCofreError, toErrorDocument } from '../error-document.ts';
import { progressOf } from '../progress.ts';
import type { ServiceContext } from '../service-context.ts';
import { sliceOf } from './plan-restore.ts';
import { PlatformPart } from './platform-part.ts';
import { findRestoreOfJob } from './restore-of-job.ts';

export interface RestoreWork {
  readonly repository: Repository;
  readonly plan: RestorePlan;
  readonly manifest: Manifest;
  /** Whether what is there now is backed up first. */
  readonly safetyBackup: boolean;
}

/** Throws where a plan cannot be applied whatever the data: before the safety backup is taken for nothing. */
export function requireApplicable(context: ServiceContext, plan: RestorePlan): void {
  if (context.clock.now().getTime() > Date.parse(plan.expiresAt)) {
    throw new CofreError('plan/expired', `The plan ${plan.id} was made at ${plan.createdAt}. Nothing was changed.`, {
      params: { planId: plan.id },
    });
  }
  if (plan.applicable) return;
  const conflicts = plan.tables.flatMap(({ conflicts: found }) => found);
  const isTriggersOnly = conflicts.every(({ kind }) => kind === 'triggers');
  const details = conflicts.map(({ kind, count, detail }) => `${kind} (${count}): ${detail}`);
  throw new CofreError(
    isTriggersOnly ? 'plan/triggers' : 'plan/conflicts',
    `The plan ${plan.id} cannot be applied: ${details.join('; ')}. Nothing was changed.`,
    { params: { planId: plan.id, conflicts: details } },
  );
}

/**
 * Applies a plan; the caller holds the implementation's lock. First what is there now is backed up, so that the restore
 * has an undo even when its plan is gone; then everything happens in one transaction, the record of it included. What a
 * job has restored already is not restored again.
 */
export async function carryOut(context: ServiceContext, work: RestoreWork): Promise<RestoreDocument> {
  const { plan, manifest, repository } = work;
  const made = await findRestoreOfJob(context);
  if (made !== null) return made;
  const id = restoreId.parse(context.random.uuid());
  const begunAt = context.clock.now();
  const safetyBackupId = work.safetyBackup ? await takeSafetyBackup(context, work) : null;
  const platform = new PlatformPart(context, { plan, manifest });
  const record = new RestoreRecord({ context, plan, manifest, platform, id, begunAt, safetyBackupId });
  const progress = progressOf(context);
  const rowsTotal = plan.tables.reduce((sum, { inserts, updates, deletes }) => sum + inserts + updates + deletes, 0);
  try {
    const applied = await applyPlan({
      database: context.database,
      repository,
      plan,
      manifest,
      resolve: sliceOf(manifest),
      clock: context.clock,
      random: context.random,
      signal: context.signal,
      beforeWriting: (client) => platform.before(client),
      writeEvidence: (client, tables) => record.write(client, tables),
      onProgress: ({ phase, table, rows, bytes }) => progress.report({ phase, table, rows, bytes, rowsTotal }),
    });
    const document = record.document(applied.tables);
    context.onEnded?.({ kind: plan.purpose.kind, result: 'completed', durationMs: document.durationMs });
    return document;
  } catch (error) {
    await record.writeFailure(error);
    const durationMs = Math.max(0, context.clock.now().getTime() - begunAt.getTime());
    context.onEnded?.({ kind: plan.purpose.kind, result: 'failed', durationMs });
    throw error;
  }
}

async function takeSafetyBackup(context: ServiceContext, { plan, manifest }: RestoreWork) {
  const { rootKey, implementation: ref } = manifest;
  // Tables that are gone have nothing that could be overwritten.
  const definition = await withSessions(context, async ({ open }) => {
    const { client } = await open('cofre backup');
    return definitionOfToday(client, manifest.definition);
  });
  const backup = await takeBackup(context, {
    slice: { ref, definition, rootKey },
    type: 'incremental',
    description: safetyDescription(plan.purpose.kind, plan.id),
    expiresAt: undefined,
    compression: undefined,
    safety: true,
  });
  return backup.id;
}

interface RecordInput {
  readonly context: ServiceContext;
  readonly plan: RestorePlan;
  readonly manifest: Manifest;
  readonly platform: PlatformPart;
  readonly id: RestoreId;
  readonly begunAt: Date;
  readonly safetyBackupId: RestoreDocument['safetyBackupId'];
}

/** What is kept of a restore. That it was done is written by the transaction that did it. */
class RestoreRecord {
  readonly #input: RecordInput;

  constructor(input: RecordInput) {
    this.#input = input;
  }

  /** Within the restoring transaction, when everything has been proven. */
  async write(client: pg.ClientBase, tables: readonly AppliedTable[]): Promise<void> {
    const { context, plan, manifest, id } = this.#input;
    const { catalogue } = context;
    const platform = await this.#input.platform.after(client);
    const evidence = { planFingerprint: plan.fingerprint, snapshot: plan.snapshot, tables, ...platform };
    await run(
      client,
      catalogue.insertInto('cofre.restores').values({
        ...this.#row('completed'),
        tables: JSON.stringify(tables),
        evidence: JSON.stringify(evidence),
        verified: true,
        duration_ms: this.#durationMs(),
      }),
    );
    await run(client, auditQuery(context, this.#auditEntry('done', { tables })));
    if (plan.purpose.kind === 'undo') {
      await run(
        client,
        catalogue.updateTable('cofre.restores').set({ undone_by: id }).where('id', '=', plan.purpose.undoOf),
      );
    }
    await this.#relink(client, manifest);
  }

  /** An implementation that was deleted may be back: its backups and its scope are its own again. */
  async #relink(client: pg.ClientBase, { implementation, definition, rootKey }: Manifest): Promise<void> {
    const { catalogue, clock } = this.#input.context;
    const isThere = catalogue
      .selectFrom('cofre.v_module_implementations')
      .select('id')
      .where('id', '=', implementation.id);
    await run(
      client,
      catalogue
        .updateTable('public.module_backups')
        .set({ implementation_id: implementation.id })
        .where('source_implementation_id', '=', implementation.id)
        .where('implementation_id', 'is', null)
        .where(({ exists }) => exists(isThere)),
    );
    await run(
      client,
      catalogue
        .updateTable('cofre.implementation_settings')
        .set({ deleted_at: null })
        .where('implementation_id', '=', implementation.id)
        .where(({ exists }) => exists(isThere)),
    );
    if (definition.root === undefined) return;
    const now = clock.now();
    await run(
      client,
      catalogue
        .insertInto('cofre.implementation_settings')
        .values({
          implementation_id: implementation.id,
          backup_scope: JSON.stringify(rootKey),
          created_at: now,
          updated_at: now,
        })
        .onConflict((conflict) =>
          conflict
            .column('implementation_id')
            .doUpdateSet((eb) => ({ backup_scope: eb.ref('excluded.backup_scope') }))
            // Clean-up may have made the row, to note since when the implementation is gone.
            .where('cofre.implementation_settings.backup_scope', 'is', null),
        ),
    );
  }

  /** Best effort: the error itself is what is reported. Where the outcome is unknown, a record of success stands. */
  async writeFailure(error: unknown): Promise<void> {
    if (isCofreError(error, 'restore/outcome-unknown')) return;
    await this.#input.context.catalogue
      .insertInto('cofre.restores')
      .values({
        ...this.#row('failed'),
        error: JSON.stringify(toErrorDocument(error)),
        duration_ms: this.#durationMs(),
      })
      .onConflict((conflict) => conflict.column('id').doNothing())
      .execute()
      .catch(() => undefined);
    const details = { code: toCofreError(error).code };
    await auditQuery(this.#input.context, this.#auditEntry('failed', details))
      .execute()
      .catch(() => undefined);
  }

  #auditEntry(outcome: 'done' | 'failed', details: Readonly<Record<string, unknown>>): AuditEntry {
    const { plan, id, safetyBackupId } = this.#input;
    return {
      action: plan.purpose.kind === 'undo' ? 'UNDO_MODULE_RESTORE' : 'RESTORE_MODULE_BACKUP',
      outcome,
      implementation: plan.implementation,
      backupId: plan.backupId,
      resource: { type: 'restore', id },
      details: { planId: plan.id, mode: plan.mode, safetyBackupId, ...details },
    };
  }

  document(tables: readonly AppliedTable[]): RestoreDocument {
    const { id, plan, safetyBackupId } = this.#input;
    return {
      id,
      planId: plan.id,
      backupId: plan.backupId,
      safetyBackupId,
      status: 'completed',
      tables: tables.map((table) => ({ ...table })),
      verified: true,
      durationMs: this.#durationMs(),
    };
  }

  #row(status: 'completed' | 'failed') {
    const { context, plan, id, begunAt, safetyBackupId } = this.#input;
    const { id: implementationId, module, key }: ImplementationRef = plan.implementation;
    return {
      id,
      purpose: plan.purpose.kind,
      plan_id: plan.id,
      backup_id: plan.backupId,
      implementation_id: implementationId,
      module_slug: module,
      implementation_key: key,
      safety_backup_id: safetyBackupId,
      mode: plan.mode,
      status,
      created_at: begunAt,
      ...actorColumns(context.actor),
      undo_of: plan.purpose.kind === 'undo' ? plan.purpose.undoOf : null,
      job_id: context.jobId ?? null,
    };
  }

  #durationMs(): number {
    return Math.max(0, this.#input.context.clock.now().getTime() - this.#input.begunAt.getTime());
  }
}

/** The catalogue's queries on the connection of the restore, so that they are part of its transaction. */
async function run(
  client: pg.ClientBase,
  query: { compile(): { readonly sql: string; readonly parameters: readonly unknown[] } },
): Promise<void> {
  const { sql, parameters } = query.compile();
  await client.query(sql, [...parameters]);
}
