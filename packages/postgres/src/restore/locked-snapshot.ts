import { setTimeout as sleep } from 'node:timers/promises';
import { CofreError, isCofreError } from '@cofre/contracts';
import type { SnapshotFacts } from '@cofre/engine';
import type pg from 'pg';
import { takeSnapshot } from '../capture/capture-slices.ts';
import { lockTables, lockTargets, nameBlockers, SCHEMA_STATES } from '../capture/lock-tables.ts';
import type { Slice } from '../definition/slice.ts';
import { sqlStateOf } from '../session/errors.ts';
import { type SessionGroup, withSessions } from '../session/open-session.ts';
import { printTable } from '../session/quote.ts';
import type { Database } from '../session/types.ts';

export interface SnapshotOptions {
  readonly database: Database;
  /** Makes the definition concrete. Called several times on an autocommit connection; must not remember anything. */
  readonly resolve: (client: pg.ClientBase) => Promise<Slice>;
  readonly lockTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface LockedSnapshot {
  /** In a REPEATABLE READ transaction that may make temporary tables and is rolled back when the work is over. */
  readonly client: pg.Client;
  readonly slice: Slice;
  readonly snapshot: SnapshotFacts;
  readonly sessions: SessionGroup;
}

const ATTEMPTS_MAX = 3;
const ATTEMPT_PAUSE_MS = 250;

/**
 * Runs `work` in one snapshot of the live database with the structure of the slice's tables held fast: locks come before the
 * snapshot (design §3), and the slice is resolved again after them and after the work.
 */
export async function withLockedSnapshot<T>(
  options: SnapshotOptions,
  work: (locked: LockedSnapshot) => Promise<T>,
): Promise<T> {
  return withSessions(options, async (sessions) => {
    const { client: watcher } = await sessions.open('cofre plan');
    const { client } = await sessions.open('cofre plan');
    const slice = await lockSlice(options, { watcher, client });
    const { snapshot } = await takeSnapshot(client, watcher);
    const result = await work({ client, slice, snapshot, sessions });
    await client.query('ROLLBACK');
    const changed = changedTable(slice, await options.resolve(watcher));
    if (changed !== null) throw changing(changed);
    return result;
  });
}

async function lockSlice(
  options: SnapshotOptions,
  { watcher, client }: { readonly watcher: pg.Client; readonly client: pg.Client },
): Promise<Slice> {
  for (let attempt = 1; ; attempt++) {
    const slice = await options.resolve(watcher);
    const targets = await lockTargets(watcher, slice);
    let changed: string | null = 'a table';
    if (targets !== null) {
      await client.query(
        `BEGIN ISOLATION LEVEL REPEATABLE READ, READ WRITE; SET LOCAL lock_timeout = ${Math.ceil(options.lockTimeoutMs)}`,
      );
      try {
        await lockTables(client, targets);
        changed = changedTable(slice, await options.resolve(watcher));
        if (changed === null) return slice;
      } catch (error) {
        if (!SCHEMA_STATES.has(sqlStateOf(error) ?? ''))
          throw isCofreError(error) ? await nameBlockers(watcher, error) : error;
      }
      await client.query('ROLLBACK');
    }
    if (attempt === ATTEMPTS_MAX) throw changing(changed ?? 'a table');
    await sleep(ATTEMPT_PAUSE_MS * attempt);
  }
}

/** The first table that is not in both as it is in the other; null: all are. */
export function changedTable(before: Slice, after: Slice): string | null {
  const identity = ({ facts, fingerprint, pathOids }: Slice['tables'][number]) =>
    JSON.stringify([facts.schema, facts.name, facts.oid, fingerprint, [...pathOids].sort((a, b) => a - b)]);
  const left = before.tables.map(identity);
  const right = after.tables.map(identity);
  const at = left.findIndex((one, index) => one !== right[index]);
  const table = before.tables[at] ?? after.tables[left.length];
  return table === undefined ? null : printTable(table.facts);
}

function changing(table: string): CofreError {
  return new CofreError(
    'plan/stale',
    `The structure of ${table} changed while the backup was compared with it. Nothing was changed.`,
    { params: { table } },
  );
}
