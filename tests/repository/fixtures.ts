import { type BackupId, backupId, type Compression, implementationId } from '@cofre/contracts';
import {
  batchesOfLines,
  type BlobStore,
  type Codecs,
  joinLine,
  linesOf,
  type Manifest,
  type ManifestTable,
  Repository,
  type RepositoryKey,
  type RowBatch,
  type RowLayout,
  type WriteLease,
  type WriteProbedInput,
} from '@cofre/engine';
import { nodeCodecs, systemClock, systemRandom } from '@cofre/storage';

export const layout: RowLayout = { columns: ['id', 'v'], key: [{ name: 'id', order: 'integer' }] };
export const keylessLayout: RowLayout = { columns: ['id', 'v'], key: [] };
export const IMPLEMENTATION = implementationId.parse('11111111-1111-4111-8111-111111111111');

export const passphrase: RepositoryKey = { kind: 'passphrase', passphrase: 'correct horse battery staple' };
/** Opens at once, unlike a passphrase: what most tests use. */
export const keyFile: RepositoryKey = { kind: 'key-file', bytes: Buffer.alloc(32, 7) };
export const noKey: RepositoryKey = { kind: 'none' };

const ports = { codecs: nodeCodecs, clock: systemClock, random: systemRandom };

export const initRepository = (
  store: BlobStore,
  key: RepositoryKey,
  compression: Compression = 'zstd',
): Promise<Repository> => Repository.init({ ...ports, store, key, compression });

export const openRepository = (
  store: BlobStore,
  key: RepositoryKey,
  codecs: Codecs = nodeCodecs,
): Promise<Repository> => Repository.open({ ...ports, codecs, store, key });

export type Rows = ReadonlyMap<number, string>;

export function rowsOf(count: number, value: (id: number) => string = (id) => `value ${id}`): Map<number, string> {
  return new Map(Array.from({ length: count }, (_, id) => [id, value(id)]));
}

export function batches(rows: Rows): AsyncIterable<RowBatch> {
  const sorted = [...rows].toSorted(([a], [b]) => a - b);
  return batchesOfLines(sorted.map(([id, v]) => joinLine([String(id), v])));
}

/** Backs up one table `public.t` of the given rows. */
export async function backUp(
  repository: Repository,
  rows: Rows,
  options: {
    parent?: Manifest;
    compression?: Compression;
    layout?: RowLayout;
    lease?: WriteLease;
    /** What changed since the parent is told by this, instead of reading all rows. */
    probe?: WriteProbedInput['probe'];
    rangeRows?: number;
  } = {},
): Promise<Manifest> {
  const compression = options.compression ?? repository.compression;
  const lease = options.lease ?? (await repository.takeLease());
  const { rangeRows } = options;
  const writer = repository.startBackup({
    lease,
    compression,
    rangeRows,
    parents: options.parent ? [options.parent] : [],
  });
  const used = options.layout ?? layout;
  const inherited = options.parent?.tables[0] ?? null;
  const { probe } = options;
  const place = { table: 'public.t', layout: used };
  const written =
    probe && inherited
      ? await writer.writeProbed({ ...place, inherited, probe })
      : await writer.writeTable({ ...place, batches: batches(rows), inherited });
  const table: ManifestTable = {
    schema: 'public',
    name: 't',
    role: 'data',
    columns: used.columns.map((name) => ({
      name,
      type: 'text',
      notNull: true,
      defaultExpression: null,
      identity: null,
      secret: false,
    })),
    key: used.key,
    fingerprint: 'f',
    facts: {},
    ...written,
    read: { how: 'whole', reason: null },
  };
  const { manifest } = await writer.complete({
    backupId: newBackupId(),
    type: options.parent ? 'incremental' : 'full',
    parentId: options.parent?.backupId ?? null,
    implementation: { id: IMPLEMENTATION, module: 'm', key: 'k' },
    createdAt: '2026-01-01T00:00:00.000Z',
    createdBy: null,
    description: null,
    expiresAt: null,
    safety: false,
    madeBy: 'test',
    definition: {
      version: 1,
      module: 'm',
      tables: [{ table: 'public.t', role: 'data', scope: { columns: { id: 'id' } } }],
    },
    rootKey: {},
    snapshot: {
      xmin: '1',
      text: '1:1:',
      takenAt: '2026-01-01T00:00:00.000Z',
      serverVersionNum: 180000,
      systemIdentifier: null,
      database: 'd',
    },
    tables: [table],
    durationMs: 1,
  });
  await lease.release();
  return manifest;
}

export function newBackupId(): BackupId {
  return backupId.parse(systemRandom.uuid());
}

export function tableOf(manifest: Manifest): ManifestTable {
  const [table] = manifest.tables;
  if (!table) throw new Error('the backup has a table');
  return table;
}

export async function readText(repository: Repository, manifest: Manifest): Promise<string> {
  let text = '';
  for await (const batch of repository.readRows(tableOf(manifest)))
    for (const line of linesOf(batch)) text += line.toString();
  return text;
}

export function textOf(rows: Rows): string {
  return [...rows]
    .toSorted(([a], [b]) => a - b)
    .map(([id, v]) => joinLine([String(id), v]).toString())
    .join('');
}

/** Every object of a store, by path. */
export async function objectsOf(store: BlobStore): Promise<Map<string, Buffer>> {
  const objects = new Map<string, Buffer>();
  for await (const { path } of store.list('')) objects.set(path, Buffer.from(await store.get(path)));
  return objects;
}
