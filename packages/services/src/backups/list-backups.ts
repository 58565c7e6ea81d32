import { type BackupDocument, type ListBackupsInput, listBackupsInput, parseInput } from '@cofre/contracts';
import { type RawBuilder, sql } from 'kysely';
import type { z } from 'zod';
import { authorize } from '../access/authorize.ts';
import { decodeCursor, type Page, pageOf } from '../catalogue/cursor.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import type { ServiceContext } from '../service-context.ts';
import { backupQuery, toBackupDocument } from './find-backup.ts';
import { recoverInterrupted } from './recover-interrupted.ts';

export type BackupPage = Page<BackupDocument>;

export type BackupFilters = z.output<typeof listBackupsInput>;

/** Backups, the newest first unless sorted otherwise. One that was cancelled is listed only when asked for by status: there is nothing in it. */
export async function listBackups(caller: ServiceContext, input: ListBackupsInput): Promise<BackupPage> {
  const filters = parseInput(listBackupsInput, input);
  const context = await authorize(caller, 'listBackups');
  await recoverInterrupted(caller);
  const rows = await pageQuery(context.catalogue, filters, context.clock.now()).execute();
  return pageOf(rows, { order: filters.sort, limit: filters.limit, toItem: toBackupDocument });
}

/** A page of the list and one row more, which tells whether there is another. */
export function pageQuery(catalogue: Catalogue, filters: BackupFilters, now: Date) {
  const { sort, limit, cursor } = filters;
  const order = ORDERS[sort];
  let query = backupQuery(catalogue)
    .select(sql<string>`(${order.value})::text`.as('sort_value'))
    .where(sql<boolean>`${conditions(filters, now)}`);
  if (cursor !== undefined) {
    const { value, id } = decodeCursor(cursor, sort);
    const end = sql`(${sql`${value}::${order.type}`}, ${id}::uuid)`;
    query = query.where(
      order.direction === 'desc'
        ? sql<boolean>`(${order.value}, b.id) < ${end}`
        : sql<boolean>`(${order.value}, b.id) > ${end}`,
    );
  }
  return query
    .orderBy(order.value, order.direction)
    .orderBy('b.id', order.direction)
    .limit(limit + 1);
}

interface Order {
  /** As an index of the catalogue has it, so that a page costs the same wherever it lies. */
  readonly value: RawBuilder<unknown>;
  readonly type: RawBuilder<unknown>;
  readonly direction: 'asc' | 'desc';
}

const time = sql`timestamptz`;
const EXPIRY = sql`COALESCE(b.expires_at, 'infinity')`;
const ORDERS: Readonly<Record<BackupFilters['sort'], Order>> = {
  newest: { value: sql`b.created_at`, type: time, direction: 'desc' },
  oldest: { value: sql`b.created_at`, type: time, direction: 'asc' },
  largest: { value: sql`COALESCE(b.size_bytes, 0)`, type: sql`bigint`, direction: 'desc' },
  // What never expires comes last.
  'expiring-first': { value: EXPIRY, type: time, direction: 'asc' },
};

function conditions(filters: BackupFilters, now: Date): RawBuilder<unknown> {
  const { implementation, module, type, status, since, until, expired, held, text } = filters;
  const all = [status === undefined ? sql`b.status <> 'canceled'` : sql`b.status = ${status}`];
  if (implementation !== undefined) all.push(ofImplementation(implementation));
  if (module !== undefined) all.push(sql`b.module_slug = ${module}`);
  if (type !== undefined) all.push(sql`b.backup_type = ${type}`);
  if (since !== undefined) all.push(sql`b.created_at >= ${new Date(since)}`);
  if (until !== undefined) all.push(sql`b.created_at < ${new Date(until)}`);
  if (expired !== undefined) all.push(expired ? sql`${EXPIRY} <= ${now}` : sql`${EXPIRY} > ${now}`);
  // Written as the partial index has it.
  if (held !== undefined) all.push(held ? sql`b.held` : sql`NOT b.held`);
  if (text !== undefined) all.push(describedBy(text));
  return sql.join(all, sql` AND `);
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const OF_BACKUPS = { id: 'b.source_implementation_id', module: 'b.module_slug', key: 'b.implementation_key' };

/** By what stays in the row: backups of a deleted implementation are still found. */
export function ofImplementation(reference: string, columns = OF_BACKUPS): RawBuilder<unknown> {
  const slash = reference.indexOf('/');
  if (slash >= 0) {
    const [module, key] = [reference.slice(0, slash), reference.slice(slash + 1)];
    return sql`${sql.ref(columns.module)} = ${module} AND ${sql.ref(columns.key)} = ${key}`;
  }
  return UUID.test(reference) ? sql`${sql.ref(columns.id)} = ${reference}::uuid` : sql`false`;
}

/** Each word begins a word of the description. */
function describedBy(text: string): RawBuilder<unknown> {
  const words = text.match(/[\p{L}\p{N}]+/gu) ?? [];
  if (words.length === 0) return sql`true`;
  const query = words.map((word) => `${word}:*`).join(' & ');
  return sql`pg_catalog.to_tsvector('pg_catalog.simple'::regconfig, COALESCE(b.description, ''))
    @@ pg_catalog.to_tsquery('pg_catalog.simple'::regconfig, ${query})`;
}
