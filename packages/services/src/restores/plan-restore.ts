import {
  CofreError,
  parseInput,
  type PlanDocument,
  type PlanRestoreInput,
  planId,
  planRestoreInput,
} from '@cofre/contracts';
import type { Manifest, RestorePlan } from '@cofre/engine';
import { definitionOfToday, planRestore as computePlan, printTable, resolveSlice } from '@cofre/postgres';
import type pg from 'pg';
import { actorColumns } from '../actor.ts';
import { authorize } from '../access/authorize.ts';
import { audit } from '../audit/audit.ts';
import { findBackup, readManifestOf } from '../backups/find-backup.ts';
import { comesBackBesides } from '../modules/platform-rows.ts';
import { progressOf } from '../progress.ts';
import type { ServiceContext } from '../service-context.ts';
import { toPlanDocument, withRows } from './plan-document.ts';

/** Computes what a restore would do and keeps it in the repository for an hour. Changes nothing in the database. */
export async function planRestore(caller: ServiceContext, input: PlanRestoreInput): Promise<PlanDocument> {
  const { backup, mode, configOnly, tables, rows } = parseInput(planRestoreInput, input);
  const context = await authorize(caller, 'planRestore', { name: backup });
  if (mode !== 'merge') {
    throw new CofreError(
      'usage/not-available-yet',
      `This version cannot restore in the mode ${mode} yet. Nothing was started.`,
      {
        params: { mode },
      },
    );
  }
  const row = await findBackup(context.catalogue, backup);
  const repository = await context.openRepository();
  const manifest = await readManifestOf(repository, row);
  const progress = progressOf(context);
  const plan = await computePlan({
    database: context.database,
    repository,
    manifest,
    resolve: sliceOf(manifest),
    selection: { configOnly, tables: tables ?? null },
    mode,
    planId: planId.parse(context.random.uuid()),
    clock: context.clock,
    lockTimeoutMs: context.settings.lockTimeoutMs,
    ...(tables === undefined ? await comesBackBesides(context.catalogue, manifest) : {}),
    signal: context.signal,
    onProgress: ({ phase, table, rows: done, bytes }) =>
      progress.report({ phase, table, rows: done, bytes, rowsTotal: null }),
  });
  await keepPlanRow(context, plan);
  await audit(context, {
    action: 'PREVIEW_MODULE_RESTORE',
    implementation: manifest.implementation,
    backupId: row.id,
    details: { planId: plan.id, mode, applicable: plan.applicable },
  });
  return rows ? withRows(repository, plan, manifest) : toPlanDocument(plan);
}

/** For lists. The plan itself lies in the repository, which alone decides what is shown and applied. */
async function keepPlanRow({ catalogue, actor }: ServiceContext, plan: RestorePlan): Promise<void> {
  const { id: implementationId, module, key } = plan.implementation;
  const tables = plan.tables.map(({ schema, name, inserts, updates, deletes, unchanged, conflicts }) => ({
    table: printTable({ schema, name }),
    inserts,
    updates,
    deletes,
    unchanged,
    conflicts: conflicts.reduce((sum, { count }) => sum + count, 0),
  }));
  await catalogue
    .insertInto('cofre.plans')
    .values({
      id: plan.id,
      backup_id: plan.backupId,
      implementation_id: implementationId,
      module_slug: module,
      implementation_key: key,
      mode: plan.mode,
      fingerprint: plan.fingerprint,
      applicable: plan.applicable,
      summary: JSON.stringify({ tables }),
      created_at: new Date(plan.createdAt),
      ...actorColumns(actor),
      expires_at: new Date(plan.expiresAt),
    })
    .execute();
}

/**
 * The slice as the backup knew it, in the database of today: its definition may have been changed or deleted since, and
 * some of its tables, too.
 */
export function sliceOf({ definition, rootKey, implementation }: Manifest) {
  return async (client: pg.ClientBase) =>
    resolveSlice(client, await definitionOfToday(client, definition), rootKey, { implementationId: implementation.id });
}
