import {
  CofreError,
  parseInput,
  RECENT_CHANGES_MS,
  type RecentChangesDocument,
  type ShowRecentChangesInput,
  showRecentChangesInput,
} from '@cofre/contracts';
import { type CountedWrites, countWrites, type Moment, resolveSlice, withSessions } from '@cofre/postgres';
import { sql } from 'kysely';
import { z } from 'zod';
import { authorize } from '../access/authorize.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { findImplementation, sliceInputsOf } from '../modules/find-implementation.ts';
import type { ServiceContext } from '../service-context.ts';

/** It is asked again and again while somebody looks: a slice that takes longer to count is not looked at in this way. */
const TIMEOUT_MS = 3_000;

/**
 * Whether rows of an implementation were changed in the last five minutes, by the best witness that there is: the times of
 * commits where the server notes them (`track_commit_timestamp`); else the markers that backups of the last minutes left in
 * this database; else an earlier look. The first look alone may have nothing to compare with. Nothing is locked or written.
 */
export async function showRecentChanges(
  caller: ServiceContext,
  input: ShowRecentChangesInput,
): Promise<RecentChangesDocument> {
  const { implementation, look } = parseInput(showRecentChangesInput, input);
  const context = await authorize(caller, 'showRecentChanges', { name: implementation });
  const { ref, definition, rootKey } = sliceInputsOf(await findImplementation(context.catalogue, implementation));
  const earlier = look === undefined ? null : decodeLook(look);
  const marker = await oldestRecentMarker(context.catalogue);
  const isByMarker = marker !== null && (earlier === null || marker.at < earlier.at);
  const moment = isByMarker ? marker : earlier;
  const counted = await withSessions(context, async ({ open }) => {
    const { client } = await open('cofre changes');
    const slice = await resolveSlice(client, definition, rootKey, { implementationId: ref.id });
    return countWrites(client, slice, { windowMs: RECENT_CHANGES_MS, moment, timeoutMs: TIMEOUT_MS });
  });
  const tables = changedTables(counted, earlier);
  return {
    implementation: ref,
    lookedAt: counted.now.at.toISOString(),
    since: (counted.since ?? earlier?.at ?? null)?.toISOString() ?? null,
    by: counted.by === 'moment' ? (isByMarker ? 'backup' : 'look') : counted.by,
    rows: tables.reduce((sum, { rows }) => sum + rows, 0),
    tables,
    look: encodeLook(counted),
  };
}

/** Rows that were written, and those that an earlier look saw and that are no longer there. */
function changedTables({ tables }: CountedWrites, earlier: Look | null): RecentChangesDocument['tables'] {
  return tables
    .map(({ table, rows, written }) => {
      const before = earlier?.rows[table] ?? 0;
      return { table, rows: (written ?? 0) + Math.max(0, before - rows) };
    })
    .filter(({ rows }) => rows > 0);
}

/** What a backup of the last minutes wrote into this database; a copy of another database has no such marker of its own. */
async function oldestRecentMarker(catalogue: Catalogue): Promise<Moment | null> {
  const { rows } = await sql<{ at: Date; xmax: string }>`
    SELECT created_at AS at, xact_id::text AS xmax FROM cofre.lineage
    WHERE created_at >= pg_catalog.now() - ${`${RECENT_CHANGES_MS} milliseconds`}::interval AND created_at <= pg_catalog.now()
      AND xmin::text = (xact_id::xid)::text
    ORDER BY created_at LIMIT 1`.execute(catalogue);
  const [row] = rows;
  return row === undefined ? null : { ...row, running: [] };
}

interface Look extends Moment {
  /** How many there were, by table. */
  readonly rows: Readonly<Record<string, number>>;
}

const xid = z.string().regex(/^\d{1,19}$/);
const lookSchema = z.strictObject({
  at: z.iso.datetime().transform((text) => new Date(text)),
  xmax: xid,
  running: z.array(xid),
  rows: z.record(z.string(), z.int().nonnegative()),
});

function encodeLook({ now, tables }: CountedWrites): string {
  const rows = Object.fromEntries(tables.map(({ table, rows: count }) => [table, count]));
  return Buffer.from(JSON.stringify({ ...now, rows }), 'utf8').toString('base64url');
}

/** Throws `usage/invalid` for what no look gave. */
function decodeLook(look: string): Look {
  try {
    return lookSchema.parse(JSON.parse(Buffer.from(look, 'base64url').toString('utf8')));
  } catch (error) {
    throw new CofreError('usage/invalid', 'The look is not one that was given before. Nothing was started.', {
      cause: error,
    });
  }
}
