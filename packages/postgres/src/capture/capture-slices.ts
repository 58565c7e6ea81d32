import { setTimeout as sleep } from 'node:timers/promises';
import { assert, CofreError, isCofreError } from '@cofre/contracts';
import type { RowBatch, SnapshotFacts } from '@cofre/engine';
import type pg from 'pg';
import type { Slice, SliceTable } from '../definition/slice.ts';
import { fingerprintTables } from '../introspect/fingerprint.ts';
import { sqlStateOf, translatePgError } from '../session/errors.ts';
import { type Session, type SessionGroup, withSessions } from '../session/open-session.ts';
import { printTable } from '../session/quote.ts';
import type { Database } from '../session/types.ts';
import { type LockTarget, lockTables, lockTableSql, lockTargets, nameBlockers, SCHEMA_STATES } from './lock-tables.ts';
import { probeTable, type TableProbe } from './probe-table.ts';
import { readSliceTable } from './read-slice-table.ts';

/** Moments of a capture, for tests that change the schema in between. */
export type CaptureStep = 'resolved' | 'locked' | 'compared' | 'snapshot' | 'ready' | 'read';

export interface CaptureOptions {
  readonly database: Database;
  /** Makes the definition concrete. Called several times on an autocommit connection; must not remember anything. */
  readonly resolve: (client: pg.ClientBase) => Promise<Slice>;
  /** Tables read at the same time, each on a connection of its own. */
  readonly readers: number;
  readonly lockTimeoutMs: number;
  /**
   * Tables that an earlier capture of the same definition locked. They are locked before anything else, so that the slice
   * need not be resolved twice; where it rests on other ones by now, everything is as if none had been given.
   */
  readonly lockFirst?: readonly LockTarget[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Takes all rows of one table, to the last, or what its probe says of them. Called once per table and attempt, for several
   * tables at a time.
   */
  readonly onTable: (table: SliceTable, batches: AsyncIterable<RowBatch>, probe: TableProbe) => Promise<void>;
  /** A COPY that reads a table otherwise than by its own scope; undefined: `sliceTableSql`. */
  readonly readSql?: (table: SliceTable) => string | undefined;
  /** Everything is read anew: what `onTable` was given so far is to be thrown away. */
  readonly onRetry?: (reason: string) => Promise<void> | void;
  readonly onStep?: (step: CaptureStep) => Promise<void> | void;
}

export interface Captured {
  readonly slice: Slice;
  readonly snapshot: SnapshotFacts;
  /** For `lockFirst` of the next capture. */
  readonly locked: readonly LockTarget[];
}

/** A migration that is over by then is not a reason to fail; one that goes on would make us read for ever. */
const ATTEMPTS_MAX = 3;
const ATTEMPT_PAUSE_MS = 250;

/**
 * Reads a slice as one snapshot saw it (design §3): locks before the snapshot, fingerprints after the locks and after the
 * last row; when they differ, everything is read again. Changes nothing in the database; leaves no session behind.
 */
export async function captureSlices(options: CaptureOptions): Promise<Captured> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const own = attempt === 1 ? options : { ...options, lockFirst: undefined };
      return await withSessions(own, (sessions) => captureOnce(own, sessions));
    } catch (error) {
      if (!(error instanceof TakeAgain)) throw error;
      if (attempt === ATTEMPTS_MAX) throw error.asFailure();
      await options.onRetry?.(error.message);
      await pause(ATTEMPT_PAUSE_MS * attempt, options.signal);
    }
  }
}

/** An abort ends the pause; the next attempt then ends at once, with the right error. */
async function pause(durationMs: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(durationMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}

/** This attempt is lost, the next may do. */
class TakeAgain extends Error {
  readonly #failure: CofreError | null;

  /** `failure`: what to report when no attempt is left; by default that the schema keeps changing. */
  constructor(reason: string, failure: CofreError | null = null) {
    super(reason, failure === null ? {} : { cause: failure });
    this.#failure = failure;
  }

  asFailure(): CofreError {
    if (this.#failure !== null) return this.#failure;
    const message = `The backup was begun ${ATTEMPTS_MAX} times, and each time ${this.message}. No backup was written.`;
    return new CofreError('backup/schema-changing', message, { cause: this });
  }
}

async function captureOnce(options: CaptureOptions, sessions: SessionGroup): Promise<Captured> {
  const watcher = await sessions.open('cofre backup');
  // Some functions that read the catalogue lock the table they tell of, and might wait for DDL that waits for us. What it
  // asks is the same for every slice: to plan it anew each time took as long as to answer it.
  await watcher.client.query(
    `SET lock_timeout = ${Math.ceil(options.lockTimeoutMs)}; SET plan_cache_mode = force_generic_plan`,
  );
  const coordinator = await sessions.open('cofre backup');
  const { slice, targets } = await resolveAndLock({ options, watcher, coordinator });
  const others = await openReaders(options, sessions, slice);
  await options.onStep?.('compared');

  const { id, snapshot } = await takeSnapshot(coordinator.client, watcher.client);
  await refuseRowSecurity(coordinator.client, targets);
  await options.onStep?.('snapshot');
  await Promise.all(others.map((reader) => joinSnapshot(reader.client, id, { targets, options })));
  await options.onStep?.('ready');

  await readTables({ options, sessions, slice, readers: [coordinator, ...others] });
  await options.onStep?.('read');
  await compareFingerprints(watcher.client, slice);
  return { slice, snapshot, locked: targets };
}

interface LockInput {
  readonly options: CaptureOptions;
  readonly watcher: Session;
  readonly coordinator: Session;
}

interface LockedSlice {
  readonly slice: Slice;
  readonly targets: readonly LockTarget[];
}

/** Gives the slice as it is while every table that it rests on is locked. */
async function resolveAndLock(input: LockInput): Promise<LockedSlice> {
  const { options, watcher, coordinator } = input;
  const isLocked = await lockFirst(input);
  if (isLocked) await options.onStep?.('locked');
  const slice = await options.resolve(watcher.client);
  const targets = await translating('reading the catalogue', () => lockTargets(watcher.client, slice));
  if (targets === null) throw new TakeAgain('a table of the slice was dropped');
  await options.onStep?.('resolved');
  if (isLocked) {
    const locked = new Set((options.lockFirst ?? []).map(identityOfTarget));
    if (targets.every((target) => locked.has(identityOfTarget(target)))) {
      // Resolved behind the locks, so there is nothing to compare. A partition may have come since the first of them.
      await lockTables(coordinator.client, targets.filter(hasPartitions));
      return { slice, targets };
    }
    await translating('letting go of the tables', () => coordinator.client.query('ROLLBACK'));
  }
  await lock({ ...input, targets });
  await options.onStep?.('locked');
  await compare({ options, watcher, slice });
  return { slice, targets };
}

function identityOfTarget({ oid, sql }: LockTarget): string {
  return `${oid} ${sql}`;
}

function hasPartitions({ sql }: LockTarget): boolean {
  return !sql.startsWith('ONLY ');
}

/** False: there was nothing to lock first, or one of them is not what it was. */
async function lockFirst(input: LockInput): Promise<boolean> {
  const { lockFirst: targets = [] } = input.options;
  if (targets.length === 0) return false;
  try {
    await lock({ ...input, targets });
    return true;
  } catch (error) {
    if (!(error instanceof TakeAgain)) throw error;
    await translating('letting go of the tables', () => input.coordinator.client.query('ROLLBACK'));
    return false;
  }
}

/** Sessions for readers besides the first. Where the server has no connections left, fewer will do: that one is enough. */
async function openReaders(options: CaptureOptions, sessions: SessionGroup, slice: Slice): Promise<readonly Session[]> {
  const wanted = Math.min(options.readers, slice.tables.length) - 1;
  const others = await Promise.all(
    Array.from({ length: Math.max(0, wanted) }, async () => {
      try {
        return await sessions.open('cofre backup');
      } catch (error) {
        if (sqlStateOf(error) === '53300') return null;
        throw error;
      }
    }),
  );
  return others.filter((session) => session !== null);
}

/** Up to here no statement of the transaction takes a snapshot: what was committed while we waited for a lock is seen. */
async function lock(input: LockInput & { readonly targets: readonly LockTarget[] }): Promise<void> {
  const { client } = input.coordinator;
  try {
    if (await lockAtOnce(client, input)) return;
    await translating('beginning', () => client.query(beginSql(input.options)));
    await lockTables(client, input.targets);
  } catch (error) {
    if (SCHEMA_STATES.has(sqlStateOf(error) ?? '')) throw new TakeAgain('a table of the slice was dropped or renamed');
    // A deadlock with a migration: it was let go when this transaction failed.
    if (sqlStateOf(error) === '40P01' && isCofreError(error)) throw new TakeAgain('a migration was in the way', error);
    throw isCofreError(error) ? await nameBlockers(input.watcher.client, error) : error;
  }
}

/** Nearly always nobody is in the way, and then one message takes all locks. False: somebody is; nothing is held. */
async function lockAtOnce(
  client: pg.ClientBase,
  { options, targets }: Pick<LockInput, 'options'> & { readonly targets: readonly LockTarget[] },
): Promise<boolean> {
  const locks = targets.map((target) => lockTableSql(target, 'nowait'));
  try {
    await client.query([beginSql(options), ...locks].join('; '));
    return true;
  } catch (error) {
    // Whatever it is, it is met again, and then it is known at which table.
    if (sqlStateOf(error) === null) throw translatePgError(error, { doing: 'locking the tables' });
    await translating('letting go of the tables', () => client.query('ROLLBACK'));
    return false;
  }
}

/** The timeout stays for the whole transaction: to wait for DDL that waits for our other sessions would be for ever. */
function beginSql(options: CaptureOptions): string {
  return `BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL lock_timeout = ${Math.ceil(options.lockTimeoutMs)}`;
}

async function compare(input: {
  readonly options: CaptureOptions;
  readonly watcher: Session;
  readonly slice: Slice;
}): Promise<void> {
  const changed = await changedTable(input.options, input.watcher.client, input.slice);
  if (changed !== null) throw new TakeAgain(`the structure of ${changed} changed meanwhile`);
}

/**
 * After the last row. The locks held back what changes tables themselves; what they let through shows in the fingerprints,
 * which have all that the bytes of the rows rest on.
 */
async function compareFingerprints(client: pg.ClientBase, { tables }: Slice): Promise<void> {
  const now = await translating('reading the catalogue', () => fingerprintTables(client, tables));
  const changed = tables.find(({ fingerprint }, index) => fingerprint !== now[index]);
  if (changed !== undefined) throw new TakeAgain(`the structure of ${printTable(changed.facts)} changed meanwhile`);
}

/** The first table that is not as the slice has it; null: all are. */
async function changedTable(options: CaptureOptions, client: pg.ClientBase, slice: Slice): Promise<string | null> {
  let now: Slice;
  try {
    now = await options.resolve(client);
  } catch (error) {
    // The definition fitted a moment ago. What it no longer fits is told by the next attempt.
    if (isCofreError(error, 'definition/invalid') || isCofreError(error, 'backup/unsupported-table')) return 'a table';
    throw error;
  }
  const before = slice.tables.map(identityOf);
  const after = now.tables.map(identityOf);
  const index = before.findIndex((identity, at) => identity !== after[at]);
  const changed = slice.tables[index] ?? now.tables[before.length];
  return changed === undefined ? null : printTable(changed.facts);
}

function identityOf(table: SliceTable): string {
  const path = [...table.pathOids].sort((a, b) => a - b);
  return JSON.stringify([table.facts.schema, table.facts.name, table.facts.oid, table.fingerprint, path]);
}

/** The first statement of the coordinator's transaction that takes a snapshot, and what a manifest tells of it. */
export async function takeSnapshot(
  coordinator: pg.ClientBase,
  watcher: pg.ClientBase,
): Promise<{ id: string; snapshot: SnapshotFacts }> {
  const result = await translating('taking the snapshot', () =>
    coordinator.query<{ id: string; text: string; xmin: string; at: string; version: number; database: string }>(
      `SELECT pg_export_snapshot() AS id, pg_current_snapshot()::text AS text,
              pg_snapshot_xmin(pg_current_snapshot())::text AS xmin,
              to_char(statement_timestamp(), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
              current_setting('server_version_num')::int4 AS version, current_database()::text AS database`,
    ),
  );
  const row = result.rows[0];
  assert(row !== undefined, 'the snapshot has a row');
  return {
    id: row.id,
    snapshot: {
      xmin: row.xmin,
      text: row.text,
      takenAt: row.at,
      serverVersionNum: row.version,
      systemIdentifier: await systemIdentifier(watcher),
      database: row.database,
    },
  };
}

/** Of sessions that are kept: it never changes. */
const systemIdentifiers = new WeakMap<pg.ClientBase, string | null>();

async function systemIdentifier(client: pg.ClientBase): Promise<string | null> {
  const known = systemIdentifiers.get(client);
  if (known !== undefined) return known;
  const identifier = await readSystemIdentifier(client);
  systemIdentifiers.set(client, identifier);
  return identifier;
}

/** null where a hosting provider does not let the role ask. */
async function readSystemIdentifier(client: pg.ClientBase): Promise<string | null> {
  try {
    const result = await client.query<{ id: string }>('SELECT system_identifier::text AS id FROM pg_control_system()');
    return result.rows[0]?.id ?? null;
  } catch (error) {
    const translated = translatePgError(error, { doing: 'reading the system identifier' });
    if (translated.code === 'database/connection-lost') throw translated;
    return null;
  }
}

/** `row_security = off` would stop the COPY of such a table; this tells before hours of reading. */
async function refuseRowSecurity(client: pg.ClientBase, targets: readonly LockTarget[]): Promise<void> {
  const result = await translating('looking at row-level security', () =>
    client.query<{ oid: number }>('SELECT o.oid FROM unnest($1::oid[]) AS o (oid) WHERE row_security_active(o.oid)', [
      targets.map((target) => target.oid),
    ]),
  );
  const active = new Set(result.rows.map((row) => row.oid));
  const tables = targets.filter((target) => active.has(target.oid)).map((target) => target.name);
  if (tables.length === 0) return;
  throw new CofreError(
    'database/row-security',
    `Row-level security would hide rows of ${tables.join(', ')} from this role. No backup was written.`,
    { params: { tables } },
  );
}

/** Never waits: behind DDL that waits for the coordinator's lock, both would wait for ever and PostgreSQL could not see it. */
async function joinSnapshot(
  client: pg.ClientBase,
  id: string,
  { targets, options }: { readonly targets: readonly LockTarget[]; readonly options: CaptureOptions },
): Promise<void> {
  const locks = targets.map((target) => lockTableSql(target, 'nowait'));
  const statements = [beginSql(options), `SET TRANSACTION SNAPSHOT '${id}'`, ...locks];
  try {
    await client.query(statements.join('; '));
  } catch (error) {
    const translated = translatePgError(error, {
      doing: 'locking the tables',
      signal: options.signal,
      outcome: 'No backup was written.',
    });
    if (translated.code !== 'database/lock-timeout') throw translated;
    throw new TakeAgain('a migration was waiting for the tables', translated);
  }
}

async function readTables(input: {
  readonly options: CaptureOptions;
  readonly sessions: SessionGroup;
  readonly slice: Slice;
  readonly readers: readonly Session[];
}): Promise<void> {
  const { options, sessions, slice } = input;
  // The largest first, so that no reader is left alone with it at the end.
  const queue = [...slice.tables].sort((a, b) => b.facts.bytesOnDisk - a.facts.bytesOnDisk);
  const failures: unknown[] = [];
  const fail = (error: unknown) => {
    failures.push(error);
    sessions.stop();
  };
  await Promise.all(
    input.readers.map(async ({ client }) => {
      for (let table = queue.shift(); table !== undefined && failures.length === 0; table = queue.shift()) {
        const rows = watched(
          readSliceTable(client, table, { signal: options.signal, sql: options.readSql?.(table) }),
          fail,
        );
        const probe = watchedProbe(probeTable(client, table, { signal: options.signal }), fail);
        try {
          await options.onTable(table, rows.batches, probe.probe);
          assert(rows.isComplete() || probe.wasOpened(), `all rows of ${printTable(table.facts)} were taken`);
        } catch (error) {
          fail(error);
        }
      }
    }),
  );
  // The first is the cause; the others failed because their sessions were ended.
  if (failures.length > 0) throw await judge(options, slice, failures[0]);
}

/** Tells a failure of the reading itself before the consumer can wrap it, and whether everything was read. */
function watched(
  batches: AsyncIterable<RowBatch>,
  fail: (error: unknown) => void,
): { batches: AsyncIterable<RowBatch>; isComplete: () => boolean } {
  let complete = false;
  async function* watch() {
    try {
      yield* batches;
      complete = true;
    } catch (error) {
      fail(error);
      throw error;
    }
  }
  return { batches: watch(), isComplete: () => complete };
}

/** Whoever opens a probe proves by its counts that it took all rows. */
function watchedProbe(
  probe: TableProbe,
  fail: (error: unknown) => void,
): { probe: TableProbe; wasOpened: () => boolean } {
  let opened = false;
  const open: TableProbe['open'] = (since, lows) => {
    opened = true;
    const table = probe.open(since, lows);
    return {
      count: () => table.count(),
      rows: (whole) => watched(table.rows(whole), fail).batches,
      keys: (ranges) => watched(table.keys(ranges), fail).batches,
    };
  };
  return { probe: { obstacle: (since) => probe.obstacle(since), open }, wasOpened: () => opened };
}

/** A failure that a schema change explains is a reason to read again, not to fail. */
async function judge(options: CaptureOptions, slice: Slice, failure: unknown): Promise<unknown> {
  if (!isCofreError(failure) || options.signal?.aborted) return failure;
  if (failure.code === 'database/lock-timeout') return new TakeAgain('a migration was in the way', failure);
  if (failure.code !== 'database/failed') return failure;
  const changed = await withSessions(options, async (sessions) => {
    const { client } = await sessions.open('cofre backup');
    return changedTable(options, client, slice);
  }).catch(() => null);
  return changed === null ? failure : new TakeAgain(`the structure of ${changed} changed meanwhile`);
}

async function translating<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw translatePgError(error, { doing, outcome: 'No backup was written.' });
  }
}
