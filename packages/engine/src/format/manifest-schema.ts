import {
  backupId,
  backupType,
  compression,
  definition,
  implementationRef,
  repositoryId,
  rootKey,
  tableRole,
} from '@cofre/contracts';
import { z } from 'zod';
import { damaged } from './seal.ts';
import type { BlockRef, Manifest, RangeEntry } from './manifest.ts';

const count = z.int().nonnegative();

const blockRef = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{64}$/),
  pack: z.string().regex(/^[0-9a-f]{32}$/),
  offset: count,
  length: count,
  plainBytes: count,
  compression,
});

const rangeEntry = z.strictObject({
  low: z.string().nullable(),
  rows: count,
  bytes: count,
  base: z.strictObject({ rows: blockRef, keys: blockRef.nullable() }).nullable(),
  deltas: z.array(z.strictObject({ upserts: blockRef.nullable(), deletes: blockRef.nullable() })).max(8),
});

/** Fields that are not known here are passed over: what a reader can do without may be added under the same version. */
const manifest = z.object({
  format: z.literal(1),
  repositoryId,
  backupId,
  type: backupType,
  parentId: backupId.nullable(),
  implementation: implementationRef,
  createdAt: z.string(),
  createdBy: z.string().nullable(),
  description: z.string().nullable(),
  expiresAt: z.string().nullable(),
  safety: z.boolean(),
  madeBy: z.string(),
  compression,
  definition,
  rootKey,
  platform: z
    .strictObject({
      implementation: z.record(z.string(), z.unknown()),
      assignments: z.array(z.record(z.string(), z.unknown())),
    })
    .optional(),
  snapshot: z.object({
    xmin: z.string(),
    text: z.string(),
    takenAt: z.string(),
    serverVersionNum: count,
    systemIdentifier: z.string().nullable(),
    database: z.string(),
  }),
  tables: z.array(
    z.object({
      schema: z.string(),
      name: z.string(),
      role: tableRole,
      columns: z.array(
        z.object({
          name: z.string(),
          type: z.string(),
          notNull: z.boolean(),
          defaultExpression: z.string().nullable(),
          identity: z.enum(['always', 'by-default']).nullable(),
          secret: z.boolean(),
        }),
      ),
      key: z.array(z.strictObject({ name: z.string(), order: z.enum(['integer', 'numeric', 'timestamp', 'bytes']) })),
      fingerprint: z.string(),
      facts: z.record(z.string(), z.unknown()),
      rows: count,
      bytes: count,
      ranges: z.array(blockRef),
      read: z.strictObject({ how: z.enum(['whole', 'probe']), reason: z.string().nullable() }),
    }),
  ),
  packs: z.array(
    z.object({ id: z.string().regex(/^[0-9a-f]{32}$/), bytesLive: count, bytesAtFirst: count.optional() }),
  ),
  stats: z.object({
    rows: count,
    rowsRead: count,
    rowsChanged: count,
    bytesRaw: count,
    bytesStored: count,
    blocksNew: count,
    blocksReused: count,
    durationMs: count,
  }),
});

export function encodeManifest(value: Manifest): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

export function decodeManifest(path: string, bytes: Buffer): Manifest {
  return decode(manifest, path, bytes);
}

/** Equal entries give equal bytes, whoever made them: fields stand in one order. */
export function encodeRanges(entries: readonly RangeEntry[]): Buffer {
  return Buffer.from(JSON.stringify(entries.map(inOrder)), 'utf8');
}

function inOrder({ low, rows, bytes, base, deltas }: RangeEntry): RangeEntry {
  const blocks = deltas.map(({ upserts, deletes }) => ({
    upserts: upserts && ref(upserts),
    deletes: deletes && ref(deletes),
  }));
  const whole = base && { rows: ref(base.rows), keys: base.keys && ref(base.keys) };
  return { low, rows, bytes, base: whole, deltas: blocks };
}

function ref({ id, pack, offset, length, plainBytes, compression: codec }: BlockRef): BlockRef {
  return { id, pack, offset, length, plainBytes, compression: codec };
}

export function decodeRanges(object: string, bytes: Buffer): RangeEntry[] {
  return decode(z.array(rangeEntry), object, bytes);
}

function decode<T>(schema: z.ZodType<T>, object: string, bytes: Buffer): T {
  try {
    return schema.parse(JSON.parse(bytes.toString('utf8')));
  } catch (cause) {
    throw damaged(object, 'it opens, but does not hold what belongs there', cause);
  }
}
