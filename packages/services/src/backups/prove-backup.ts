import { CofreError, type ProofDocument } from '@cofre/contracts';
import type { Manifest, Repository } from '@cofre/engine';
import { type ProvenTable, proveSlice } from '@cofre/postgres';
import { toErrorDocument } from '../error-document.ts';
import { progressOf } from '../progress.ts';
import type { ServiceContext } from '../service-context.ts';

/**
 * Restores a backup into a scratch schema that is never committed, and says whether it came back as it went in. What
 * says nothing about the backup (no permission, a lost connection, a cancelled statement) is thrown.
 */
export async function proveBackup(
  context: ServiceContext,
  input: { readonly repository: Repository; readonly manifest: Manifest },
): Promise<ProofDocument> {
  const { repository, manifest } = input;
  const { database, random, clock, settings, signal } = context;
  const startedAt = clock.now();
  const progress = progressOf(context);
  const rowsTotal = manifest.tables.reduce((sum, { rows }) => sum + rows, 0);
  const { tables, notChecked } = await proveSlice({
    database,
    manifest,
    rowsOf: (table) => repository.readRows(table),
    random,
    lockTimeoutMs: settings.lockTimeoutMs,
    signal,
    onStep: (step) => progress.report({ ...step, rowsTotal }),
  });
  const endedAt = clock.now();
  const error = notProven(manifest, tables);
  progress.report({ phase: 'done', rows: rowsTotal, rowsTotal, bytes: 0 });
  return {
    provenAt: error === null ? endedAt.toISOString() : null,
    tables: tables.map(({ fault, ...table }) => ({ ...table, ...(fault === null ? {} : { fault }) })),
    notChecked: notChecked.map((note) => ({ ...note })),
    durationMs: Math.max(0, endedAt.getTime() - startedAt.getTime()),
    ...(error === null ? {} : { error: toErrorDocument(error) }),
  };
}

function notProven({ backupId }: Manifest, tables: readonly ProvenTable[]): CofreError | null {
  const faults = tables.flatMap(({ table, fault }) => (fault === null ? [] : [`${table}: ${fault.detail}`]));
  const names = tables.flatMap(({ table, fault }) => (fault === null ? [] : [table]));
  const [first] = faults;
  if (first === undefined) return null;
  const others = faults.length === 1 ? '' : ` (and ${faults.length - 1} more)`;
  return new CofreError(
    'backup/not-proven',
    `The backup ${backupId} did not come back as it went in. ${first}${others}.`,
    {
      params: { backupId, tables: names },
    },
  );
}
