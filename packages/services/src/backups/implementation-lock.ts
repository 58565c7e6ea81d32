import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CofreError, type ImplementationRef } from '@cofre/contracts';
import { giveBack, translatePgError } from '@cofre/postgres';
import type pg from 'pg';
import type { ServiceContext } from '../service-context.ts';

/** Recovery holds the lock of a dead backup for the time of one statement; that must not look like a running backup. */
const TRIES = 5;
const TRY_PAUSE_MS = 50;

/**
 * Runs `work` while no other process backs up or restores the implementation. The lock is held by a session of its own,
 * so it goes with the process, however that ends. Throws `backup/busy` at once where it is taken. Should the session
 * break off, the signal handed to `work` fires: somebody else may have the lock from then on.
 */
export async function withImplementationLock<T>(
  context: ServiceContext,
  implementation: ImplementationRef,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return withLockSession(context, async (client, signal) => {
    await takeLock(client, implementation);
    return work(signal);
  });
}

/** The signal handed to `work` fires when the session breaks off, or the context's does. */
async function withLockSession<T>(
  context: ServiceContext,
  work: (client: pg.Client, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const client = await context.database.connect({ applicationName: 'cofre lock' });
  const lost = new AbortController();
  const onEnd = () => lost.abort(new CofreError('database/connection-lost', 'The session that held the lock ended.'));
  client.once('end', onEnd);
  try {
    return await work(client, AbortSignal.any([lost.signal, ...(context.signal ? [context.signal] : [])]));
  } catch (error) {
    // Why everything was stopped says more than whichever call noticed it first.
    throw lost.signal.aborted ? lost.signal.reason : error;
  } finally {
    client.off('end', onEnd);
    await giveBack(context.database, client);
  }
}

async function takeLock(client: pg.Client, implementation: ImplementationRef): Promise<void> {
  try {
    await client.query('SET idle_session_timeout = 0; SET statement_timeout = 0');
    for (let attempt = 1; ; attempt += 1) {
      const result = await client.query<{ taken: boolean }>(
        'SELECT pg_catalog.pg_try_advisory_lock($1::pg_catalog.int8) AS taken',
        [lockKeyOf(implementation.id)],
      );
      if (result.rows[0]?.taken === true) return;
      if (attempt === TRIES) throw busy(implementation);
      await sleep(TRY_PAUSE_MS);
    }
  } catch (error) {
    throw translatePgError(error, { doing: 'taking the lock of the implementation' });
  }
}

/**
 * The same for several implementations: `work` is told which are locked; of the others another process has the lock. One
 * session holds all locks.
 */
export async function withImplementationLocks<T>(
  context: ServiceContext,
  implementations: readonly ImplementationRef[],
  work: (locked: ReadonlySet<string>, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return withLockSession(context, async (client, signal) => work(await takeLocks(client, implementations), signal));
}

async function takeLocks(
  client: pg.Client,
  implementations: readonly ImplementationRef[],
): Promise<ReadonlySet<string>> {
  const idOf = new Map(implementations.map(({ id }) => [lockKeyOf(id), id]));
  const locked = new Set<string>();
  try {
    await client.query('SET idle_session_timeout = 0; SET statement_timeout = 0');
    for (let attempt = 1; idOf.size > 0 && attempt <= TRIES; attempt += 1) {
      if (attempt > 1) await sleep(TRY_PAUSE_MS);
      const { rows } = await client.query<{ key: string }>(
        `SELECT key::pg_catalog.text FROM pg_catalog.unnest($1::pg_catalog.int8[]) AS key
         WHERE pg_catalog.pg_try_advisory_lock(key)`,
        [[...idOf.keys()]],
      );
      for (const { key } of rows) {
        locked.add(idOf.get(key) ?? '');
        idOf.delete(key);
      }
    }
    return locked;
  } catch (error) {
    throw translatePgError(error, { doing: 'taking the locks of the implementations' });
  }
}

export function busy({ module, key }: ImplementationRef): CofreError {
  return new CofreError(
    'backup/busy',
    `A backup or restore of ${module}/${key} is running already. Nothing was changed.`,
    { params: { implementation: `${module}/${key}` } },
  );
}

/** 64 bits of a hash: that two implementations of one database share a key is as good as impossible, and only costs waiting. */
export function lockKeyOf(implementationId: string): string {
  return createHash('sha256').update(`cofre:implementation:${implementationId}`).digest().readBigInt64BE(0).toString();
}
