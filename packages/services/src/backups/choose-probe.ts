import type { BackupType } from '@cofre/contracts';
import type { Manifest, ManifestTable } from '@cofre/engine';
import type { ProbedSince, SliceTable, TableProbe } from '@cofre/postgres';
import type { Parents } from './find-parents.ts';
import { liesAlike } from './manifest-table.ts';

/** To read a smaller table costs no more than to ask it what changed. */
const PROBED_BYTES_MIN = 64 * 1024;

export interface ChooseOptions {
  readonly type: BackupType;
  readonly parents: Pick<Parents, 'all'>;
  readonly probe: Pick<TableProbe, 'obstacle'>;
  /** Smaller tables are read whole; default 64 KiB. */
  readonly bytesMin?: number;
}

export interface TableParent {
  readonly manifest: Manifest;
  readonly stored: ManifestTable;
}

/** How one table is read: from what a probe says changed since an earlier backup, or whole, and why. */
export type ReadChoice =
  | { readonly how: 'probe'; readonly since: ProbedSince; readonly parent: ManifestTable }
  | { readonly how: 'whole'; readonly reason: string };

/** Whether a backup of the type stores what changed since an earlier one. */
export function buildsOnEarlier(type: BackupType): type is 'incremental' | 'differential' {
  return type === 'incremental' || type === 'differential';
}

/** The newest earlier backup whose ranges and blocks of a table can be taken over: the same columns in the same order, the same key. */
export function tableParent(parents: readonly Manifest[], table: SliceTable): TableParent | null {
  for (const manifest of parents) {
    const stored = manifest.tables.find(
      ({ schema, name }) => schema === table.facts.schema && name === table.facts.name,
    );
    if (stored !== undefined && liesAlike(stored, table)) return { manifest, stored };
  }
  return null;
}

/** Whether its changes may be worth asking for, so that it is not to be read along with the tables of others. */
export function isReadAlone(
  table: SliceTable,
  { parents, bytesMin = PROBED_BYTES_MIN }: Pick<ChooseOptions, 'parents' | 'bytesMin'>,
): boolean {
  const isLarge = ({ tables }: Manifest) =>
    tables.some(
      ({ schema, name, bytes }) => bytes >= bytesMin && schema === table.facts.schema && name === table.facts.name,
    );
  return table.columns.length === 0 || parents.all.some(isLarge);
}

/**
 * Whether a table's changes since an earlier backup can be asked for (design §4): only of the same table, made of the same
 * parts, in a database whose history goes through that backup. Everything else is read whole; the reason stands in the backup.
 */
export async function chooseRead(
  table: SliceTable,
  { type, parents, probe, bytesMin = PROBED_BYTES_MIN }: ChooseOptions,
): Promise<ReadChoice> {
  const whole = (reason: string): ReadChoice => ({ how: 'whole', reason });
  if (!buildsOnEarlier(type)) return whole(`a ${type} backup reads every row`);
  if (table.role === 'config') return whole('configuration is always read whole');
  const parent = tableParent(parents.all, table);
  if (parent === null) return whole('no earlier backup has this table as it is now');
  const { manifest, stored } = parent;
  if (stored.key.length === 0) return whole('it has no key');
  if (stored.bytes < bytesMin) return whole('it is small');
  if (stored.fingerprint !== table.fingerprint)
    return whole('its structure, or that of a table through which its rows belong to the module, has changed');
  const since = { backupId: manifest.backupId, xmin: manifest.snapshot.xmin };
  const obstacle = await probe.obstacle(since);
  return obstacle === null ? { how: 'probe', since, parent: stored } : whole(obstacle);
}
