import {
  type BackupCost,
  type BackupEstimateDocument,
  type BackupStats,
  type BackupType,
  type ImplementationInput,
  implementationInput,
  parseInput,
} from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { findImplementation, type SliceInputs, sliceInputsOf } from '../modules/find-implementation.ts';
import type { ServiceContext } from '../service-context.ts';
import { plannedSlice } from './estimate-bytes.ts';

/** The middle of so many says what is usual: one import of a hundred thousand rows does not. */
const BACKUPS_LOOKED_AT = 5;
/** Somebody waits for the figures: they must not wait behind a migration. */
const LOCK_TIMEOUT_MS = 100;

/** What a backup of each type would cost, as earlier ones did. Nothing of the slice is read. */
export async function estimateBackup(
  caller: ServiceContext,
  input: ImplementationInput,
): Promise<BackupEstimateDocument> {
  const { implementation } = parseInput(implementationInput, input);
  const context = await authorize(caller, 'estimateBackup', { name: implementation });
  const slice = sliceInputsOf(await findImplementation(context.catalogue, implementation));
  const cost = async (type: BackupType): Promise<BackupCost> => ({
    read: await estimateRead(context, slice, type),
    stored: await usuallyStored(context.catalogue, slice.ref.id, type),
  });
  const [full, incremental, differential, configOnly] = await Promise.all([
    cost('full'),
    cost('incremental'),
    cost('differential'),
    cost('config_only'),
  ]);
  return { implementation: slice.ref, costs: { full, incremental, differential, config_only: configOnly } };
}

async function estimateRead(
  context: ServiceContext,
  slice: SliceInputs,
  type: BackupType,
): Promise<BackupCost['read']> {
  const [newest] = await completedStats(context.catalogue, slice.ref.id, {
    of: type === 'config_only' ? type : 'whole',
    limit: 1,
  });
  if (newest !== undefined) return { rows: newest.rows, bytes: newest.bytesRaw, from: 'backup' };
  const impatient = { ...context, settings: { ...context.settings, lockTimeoutMs: LOCK_TIMEOUT_MS } };
  try {
    return { ...(await plannedSlice(impatient, slice, type)), from: 'planner' };
  } catch {
    // Whatever is wrong here, the backup itself meets it and says it better.
    return null;
  }
}

async function usuallyStored(catalogue: Catalogue, id: string, type: BackupType): Promise<BackupCost['stored']> {
  const found = await completedStats(catalogue, id, { of: type, limit: BACKUPS_LOOKED_AT });
  if (found.length === 0) return null;
  return {
    rowsChanged: middle(found.map(({ rowsChanged }) => rowsChanged)),
    bytes: middle(found.map(({ bytesStored }) => bytesStored)),
    backups: found.length,
  };
}

function middle(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}

interface Wanted {
  /** One type, or all that read the whole slice. */
  readonly of: BackupType | 'whole';
  readonly limit: number;
}

/** Of the newest first. What restores made before they wrote says nothing of what is usual. */
async function completedStats(
  catalogue: Catalogue,
  id: string,
  { of, limit }: Wanted,
): Promise<readonly BackupStats[]> {
  const query = catalogue
    .selectFrom('public.module_backups')
    .select('stats')
    .where('source_implementation_id', '=', id)
    .where('status', '=', 'completed')
    .where('deleted_at', 'is', null)
    .where('safety', '=', false)
    .orderBy('created_at', 'desc')
    .limit(limit);
  const [comparison, type] = of === 'whole' ? (['<>', 'config_only'] as const) : (['=', of] as const);
  const rows = await query.where('backup_type', comparison, type).execute();
  return rows.flatMap(({ stats }) => (stats === null ? [] : [stats]));
}
