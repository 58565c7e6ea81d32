import { randomUUID } from 'node:crypto';
import {
  type BackupId,
  backupId,
  type BackupType,
  type Definition,
  implementationId,
} from '../../packages/contracts/src/index.ts';
import {
  collectGarbage,
  GARBAGE_GRACE_MS,
  linesOf,
  type Manifest,
  type ManifestTable,
  ProbeRefuted,
  Repository,
  type RowBatch,
} from '../../packages/engine/src/index.ts';
import { type CaptureStep, captureSlices } from '../../packages/postgres/src/capture/capture-slices.ts';
import { markLineage } from '../../packages/postgres/src/capture/lineage.ts';
import type { TableProbe } from '../../packages/postgres/src/capture/probe-table.ts';
import { resolveSlice } from '../../packages/postgres/src/definition/resolve-slice.ts';
import type { SliceTable } from '../../packages/postgres/src/definition/slice.ts';
import { printTable } from '../../packages/postgres/src/session/quote.ts';
import type { Database } from '../../packages/postgres/src/session/types.ts';
import { chooseRead, tableParent } from '../../packages/services/src/backups/choose-probe.ts';
import { toManifestTable } from '../../packages/services/src/backups/manifest-table.ts';
import { MemoryStore, nodeCodecs, systemClock, systemRandom } from '../../packages/storage/src/index.ts';

const HOUR_MS = 3_600_000;
const IMPLEMENTATION = implementationId.parse('00000000-0000-4000-8000-000000000001');

export interface ProbeScenario {
  readonly repository: Repository;
  /**
   * A backup on top of those before, and beside it every row of every table as a plain query saw it in the same snapshot.
   * Throws where what was stored is not what was there.
   */
  backUp(options?: BackUpOptions): Promise<ProbedBackup>;
  /** Takes a backup out of the repository; later ones do not build on it any more. */
  forget(backup: ProbedBackup): Promise<void>;
  /** Deletes what no backup needs: time passes, so that nothing of it waits. */
  collectGarbage(): Promise<void>;
  /** Reads a backup again, every block of it, and compares it with what was there when it was made. */
  expectWhole(backup: ProbedBackup): Promise<void>;
}

export interface BackUpOptions {
  readonly type?: BackupType;
  readonly onStep?: (step: CaptureStep) => Promise<void>;
  readonly bug?: Bug;
}

/** A mistake that somebody might make, to see that the tests would notice. */
export interface Bug {
  readonly probe?: (probe: TableProbe) => TableProbe;
  readonly table?: (table: SliceTable, parent: Manifest | undefined) => Partial<SliceTable>;
  /** Every table passes for the one that was backed up. */
  readonly trustsEveryTable?: true;
}

export interface ProbedBackup {
  readonly manifest: Manifest;
  /** By `schema.table`. */
  readonly rows: ReadonlyMap<string, string>;
}

export interface ScenarioOptions {
  readonly database: Database;
  readonly definition: Definition;
  readonly rootKey: Readonly<Record<string, string | number>>;
  /** Rows that fill a range: few, so that few rows have many ranges. */
  readonly rangeRows: number;
}

export async function probeScenario(options: ScenarioOptions): Promise<ProbeScenario> {
  let nowMs = Date.parse('2026-01-01T00:00:00Z');
  const repository = await Repository.init({
    store: new MemoryStore({ clock: { now: () => new Date(nowMs) } }),
    codecs: nodeCodecs,
    clock: systemClock,
    random: systemRandom,
    key: { kind: 'none' },
    compression: 'none',
  });
  let earlier: readonly Manifest[] = [];
  return {
    repository,
    backUp: async (how = {}) => {
      // As `findParents` has it: a differential builds on the newest full, and nothing builds on nothing.
      const parents = how.type === 'differential' ? earlier.filter(({ type }) => type === 'full') : earlier;
      const type = parents.length === 0 ? 'full' : how.type;
      const backup = await backUp({ ...options, repository, parents }, { ...how, ...(type ? { type } : {}) });
      earlier = [backup.manifest, ...earlier];
      return backup;
    },
    forget: async ({ manifest }) => {
      earlier = earlier.filter((one) => one !== manifest);
      await repository.deleteManifest(IMPLEMENTATION, manifest.backupId);
    },
    collectGarbage: async () => {
      for (const passed of [GARBAGE_GRACE_MS, GARBAGE_GRACE_MS + HOUR_MS]) {
        nowMs += passed;
        await collectGarbage(repository);
      }
    },
    expectWhole: async ({ manifest, rows }) => {
      for (const table of manifest.tables) {
        const name = printTable(table);
        if ((await textOf(repository.readRows(table))) !== rows.get(name))
          throw new Error(`${name} is not what was there`);
      }
      const check = await repository.verifyBackup(manifest);
      if (!check.ok) throw new Error(`damaged: ${JSON.stringify(check.damage)}`);
    },
  };
}

async function backUp(
  {
    database,
    definition,
    rootKey,
    rangeRows,
    repository,
    parents,
  }: ScenarioOptions & { readonly repository: Repository; readonly parents: readonly Manifest[] },
  { type = 'incremental', onStep = async () => undefined, bug = {} }: BackUpOptions,
): Promise<ProbedBackup> {
  const lease = await repository.takeLease();
  const start = () => repository.startBackup({ lease, compression: 'none', rangeRows });
  let writer = start();
  const tables = new Map<string, ManifestTable>();
  const rows = new Map<string, string>();
  const { slice, snapshot } = await captureSlices({
    database,
    readers: 2,
    lockTimeoutMs: 5000,
    onStep,
    resolve: async (client) => {
      const found = await resolveSlice(client, definition, rootKey, { implementationId: IMPLEMENTATION });
      return { ...found, tables: found.tables.map((table) => ({ ...table, ...bug.table?.(table, parents[0]) })) };
    },
    onRetry: async () => {
      await writer.abort();
      writer = start();
    },
    onTable: async (table, batches, honest) => {
      const name = printTable(table.facts);
      const probe = bug.probe?.(honest) ?? honest;
      const place = { table: name, layout: table.layout };
      const choice = await chooseRead(table, {
        type,
        parents: { all: bug.trustsEveryTable ? parents.map((parent) => passingFor(parent, table)) : parents },
        probe,
        bytesMin: 0,
      });
      let read: ManifestTable['read'] = choice.how === 'probe' ? { how: 'probe', reason: null } : choice;
      let written = null;
      if (choice.how === 'probe') {
        try {
          written = await writer.writeProbed({
            ...place,
            inherited: choice.parent,
            probe: (lows) => probe.open(choice.since, lows),
          });
        } catch (error) {
          if (!(error instanceof ProbeRefuted)) throw error;
          if (error.isAlarming) throw error;
          read = { how: 'whole', reason: error.reason };
        }
      }
      const lines: RowBatch[] = [];
      for await (const { bytes, ends } of batches) lines.push({ bytes: Buffer.from(bytes), ends });
      rows.set(name, lines.map(({ bytes, ends }) => bytes.toString('utf8', 0, ends.at(-1))).join(''));
      const inherited = tableParent(parents, table)?.stored ?? null;
      written ??= await writer.writeTable({ ...place, batches: inOrder(lines), inherited });
      tables.set(name, toManifestTable(table, written, read));
    },
  });
  const id: BackupId = backupId.parse(randomUUID());
  const client = await database.connect();
  await markLineage(client, id);
  await client.end();
  const { manifest } = await writer.complete({
    backupId: id,
    type,
    parentId: parents[0]?.backupId ?? null,
    implementation: { id: IMPLEMENTATION, module: definition.module, key: 'one' },
    createdAt: new Date().toISOString(),
    createdBy: null,
    description: null,
    expiresAt: null,
    safety: false,
    madeBy: 'test',
    definition,
    rootKey,
    snapshot,
    tables: slice.tables.flatMap(({ facts }) => tables.get(printTable(facts)) ?? []),
    durationMs: 0,
  });
  await lease.release();
  return { manifest, rows };
}

function passingFor(parent: Manifest, { facts, fingerprint }: SliceTable): Manifest {
  const tables = parent.tables.map((table) => (table.name === facts.name ? { ...table, fingerprint } : table));
  return { ...parent, tables };
}

async function* inOrder(batches: readonly RowBatch[]): AsyncGenerator<RowBatch> {
  yield* batches;
}

async function textOf(batches: AsyncIterable<RowBatch>): Promise<string> {
  let text = '';
  for await (const batch of batches) for (const line of linesOf(batch)) text += line.toString('utf8');
  return text;
}
