import { isDeepStrictEqual } from 'node:util';
import type { Manifest, ManifestTable } from '@cofre/engine';

/** What two backups must have in common for one of them to stand for both. */
export type Holding = Pick<Manifest, 'type' | 'implementation' | 'definition' | 'rootKey' | 'platform' | 'tables'>;

/**
 * Whether an earlier backup holds all that a new one would: the same rows in the same blocks, of tables that are made
 * alike, under the same names and definition. A configuration alone may stand in a backup of everything.
 */
export function holdsTheSame(earlier: Manifest, now: Holding): boolean {
  if (now.type !== 'config_only' && earlier.type === 'config_only') return false;
  const tables = now.type === 'config_only' ? earlier.tables.filter(({ role }) => role === 'config') : earlier.tables;
  return isDeepStrictEqual(comparable(earlier, tables), comparable(now, now.tables));
}

/** As JSON has it, for the earlier one was read from it. How a table was read says nothing of what it holds. */
function comparable(
  { implementation, definition, rootKey, platform }: Holding,
  tables: readonly ManifestTable[],
): unknown {
  const held = tables.map(({ read: _, ...table }) => table);
  return JSON.parse(JSON.stringify({ implementation, definition, rootKey, platform, tables: held }));
}
