import { randomUUID } from 'node:crypto';
import {
  type BackupId,
  backupId,
  type Definition,
  type ImplementationId,
  implementationId,
  planId,
  restoreId,
  type RootKey,
} from '../../packages/contracts/src/index.ts';
import type { BlobStore, Manifest, ManifestTable, RestorePlan } from '../../packages/engine/src/index.ts';
import { type PlanOperation, Repository, readPlanOperations } from '../../packages/engine/src/index.ts';
import { captureSlices } from '../../packages/postgres/src/capture/capture-slices.ts';
import { resolveSlice } from '../../packages/postgres/src/definition/resolve-slice.ts';
import type { Slice } from '../../packages/postgres/src/definition/slice.ts';
import { type AppliedRestore, type ApplyOptions, applyPlan } from '../../packages/postgres/src/restore/apply-plan.ts';
import { planRestore, type RestoreSelection } from '../../packages/postgres/src/restore/plan-restore.ts';
import { planUndo } from '../../packages/postgres/src/restore/plan-undo.ts';
import type { Database } from '../../packages/postgres/src/session/types.ts';
import { toManifestTable } from '../../packages/services/src/backups/manifest-table.ts';
import { MemoryStore, nodeCodecs, systemClock, systemRandom } from '../../packages/storage/src/index.ts';
import type pg from 'pg';

/** A slice of a test database with a repository in memory: backs up, plans, applies and undoes as the use cases do. */
export interface RestoreScenario {
  readonly repository: Repository;
  readonly resolve: (client: pg.ClientBase) => Promise<Slice>;
  backUp(): Promise<Manifest>;
  plan(manifest: Manifest, selection?: Partial<RestoreSelection>): Promise<RestorePlan>;
  apply(plan: RestorePlan, manifest: Manifest, options?: Partial<ApplyOptions>): Promise<AppliedRestore>;
  undo(plan: RestorePlan, manifest: Manifest): Promise<RestorePlan>;
  operations(plan: RestorePlan, table: string): Promise<PlanOperation[]>;
}

export interface ScenarioOptions {
  readonly database: Database;
  readonly definition: Definition;
  readonly rootKey: RootKey;
  readonly implementation?: ImplementationId;
  /** Default: in memory. */
  readonly store?: BlobStore;
}

export async function restoreScenario(options: ScenarioOptions): Promise<RestoreScenario> {
  const { database, definition, rootKey } = options;
  const implementation = options.implementation ?? implementationId.parse(randomUUID());
  const repository = await Repository.init({
    store: options.store ?? new MemoryStore(),
    codecs: nodeCodecs,
    clock: systemClock,
    random: systemRandom,
    key: { kind: 'none' },
    compression: 'zstd',
  });
  const resolve = (client: pg.ClientBase) =>
    resolveSlice(client, definition, rootKey, { implementationId: implementation });
  const common = { database, repository, resolve, clock: systemClock, random: systemRandom, lockTimeoutMs: 2000 };
  return {
    repository,
    resolve,
    backUp: () => backUp({ ...common, definition, rootKey, implementation }),
    plan: (manifest, selection = {}) =>
      planRestore({
        ...common,
        manifest,
        selection: { configOnly: false, tables: null, ...selection },
        mode: 'merge',
        planId: planId.parse(randomUUID()),
      }),
    apply: (plan, manifest, more = {}) => applyPlan({ ...common, lockTimeoutMs: 150, plan, manifest, ...more }),
    undo: (plan, manifest) =>
      planUndo({
        ...common,
        plan,
        manifest,
        planId: planId.parse(randomUUID()),
        undoOf: restoreId.parse(randomUUID()),
      }),
    async operations(plan, name) {
      const table = plan.tables.find((candidate) => `${candidate.schema}.${candidate.name}` === name);
      if (table === undefined) throw new Error(`the plan has no ${name}`);
      const operations: PlanOperation[] = [];
      for await (const operation of readPlanOperations(repository, table)) operations.push(operation);
      return operations;
    },
  };
}

interface BackUpInput {
  readonly database: Database;
  readonly repository: Repository;
  readonly resolve: (client: pg.ClientBase) => Promise<Slice>;
  readonly definition: Definition;
  readonly rootKey: RootKey;
  readonly implementation: ImplementationId;
}

async function backUp({ database, repository, resolve, ...head }: BackUpInput): Promise<Manifest> {
  const lease = await repository.takeLease();
  const writer = repository.startBackup({ lease, compression: 'zstd' });
  const tables = new Map<number, ManifestTable>();
  const { slice, snapshot } = await captureSlices({
    database,
    resolve,
    readers: 1,
    lockTimeoutMs: 2000,
    onTable: async (table, batches) => {
      const { layout, facts } = table;
      const written = await writer.writeTable({ table: facts.name, layout, batches, inherited: null });
      tables.set(facts.oid, toManifestTable(table, written, { how: 'whole', reason: null }));
    },
  });
  const id: BackupId = backupId.parse(randomUUID());
  const { manifest } = await writer.complete({
    backupId: id,
    type: 'full',
    parentId: null,
    implementation: { id: head.implementation, module: head.definition.module, key: 'one' },
    createdAt: new Date().toISOString(),
    createdBy: null,
    description: null,
    expiresAt: null,
    safety: false,
    madeBy: 'test',
    definition: head.definition,
    rootKey: head.rootKey,
    snapshot,
    tables: slice.tables.map(({ facts }) => {
      const table = tables.get(facts.oid);
      if (table === undefined) throw new Error(`${facts.name} was not read`);
      return table;
    }),
    durationMs: 0,
  });
  await lease.release();
  return manifest;
}
