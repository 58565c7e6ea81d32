import type { Clock } from '@cofre/engine';
import { type Database, sqlStateOf, translatePgError } from '@cofre/postgres';
import type pg from 'pg';
import type { Finding } from './finding.ts';

/** Longer than this and the files of tables, and the work of every incremental backup, grow for no reason. */
const LONG_TRANSACTION_MINUTES = 30;
/** What a clock may be off by before times in lists mislead people. */
const CLOCK_DIFFERENCE_MS_MAX = 60_000;

async function asking<T>(database: Database, ask: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await database.connect({ applicationName: 'cofre doctor' });
  try {
    return await ask(client);
  } catch (error) {
    throw translatePgError(error, { doing: 'looking at the database' });
  } finally {
    await client.end();
  }
}

export function checkServer(database: Database, isEmbedded: boolean): Promise<Finding> {
  return asking(database, async (client) => {
    const { rows } = await client.query<{ version: string; encoding: string; recovery: boolean; readonly: boolean }>(
      `SELECT pg_catalog.current_setting('server_version') AS version,
              pg_catalog.current_setting('server_encoding') AS encoding,
              pg_catalog.pg_is_in_recovery() AS recovery,
              pg_catalog.current_setting('default_transaction_read_only')::pg_catalog.bool AS readonly`,
    );
    const { version, encoding, recovery, readonly } = rows[0] ?? { version: '?', encoding: '?' };
    const what = `PostgreSQL ${version}, ${encoding}, at ${database.label}${isEmbedded ? ' (embedded)' : ''}`;
    if (readonly === true && recovery !== true)
      return {
        state: 'failed',
        message: `${what} lets this role only read (default_transaction_read_only): neither the catalogue nor a restore can be written.`,
        hint: 'Some hosting providers set it when the disk is full: make room first. Otherwise ALTER ROLE or ALTER DATABASE … RESET default_transaction_read_only.',
      };
    if (recovery !== true) return { state: 'ok', message: `${what}.` };
    return {
      state: 'failed',
      message: `${what} is a standby: it can be read, but neither the catalogue nor a restore can be written.`,
      hint: 'Set DATABASE_URL to the primary.',
    };
  });
}

/** Tried, not looked up: every version and every hosting provider has its own rules. */
export function checkRole(database: Database): Promise<Finding> {
  return asking(database, async (client) => {
    const { rows } = await client.query<{ name: string; super: boolean; bypass: boolean }>(
      `SELECT rolname AS name, rolsuper AS super, rolbypassrls AS bypass
       FROM pg_catalog.pg_roles WHERE rolname = CURRENT_USER`,
    );
    const role = rows[0] ?? { name: '?', super: false, bypass: false };
    const replica = await maySetReplica(client);
    const sees = role.super || role.bypass ? 'sees every row' : 'sees every row of tables that it owns';
    if (replica)
      return { state: 'ok', message: `The role ${role.name} ${sees} and can restore without firing triggers.` };
    return {
      state: 'warning',
      message: `The role ${role.name} ${sees}, but cannot keep triggers from firing, so tables with triggers are refused in a restore.`,
      hint: `On PostgreSQL 15 or newer: GRANT SET ON PARAMETER session_replication_role TO ${role.name}.`,
    };
  });
}

async function maySetReplica(client: pg.Client): Promise<boolean> {
  try {
    await client.query('BEGIN; SET LOCAL session_replication_role = replica');
    return true;
  } catch (error) {
    if (sqlStateOf(error) === '42501') return false;
    throw error;
  } finally {
    await client.query('ROLLBACK');
  }
}

/** The answer took some time on its way: half of it is subtracted. */
export function checkClock(database: Database, clock: Clock): Promise<Finding> {
  return asking(database, async (client) => {
    const before = clock.now().getTime();
    const { rows } = await client.query<{ now: Date }>('SELECT pg_catalog.clock_timestamp() AS now');
    const after = clock.now().getTime();
    const differenceMs = Math.round((rows[0]?.now.getTime() ?? after) - (before + after) / 2);
    const seconds = Math.abs(Math.round(differenceMs / 1000));
    if (Math.abs(differenceMs) <= CLOCK_DIFFERENCE_MS_MAX) {
      return { state: 'ok', message: 'The clocks of this machine and of the server agree.' };
    }
    return {
      state: 'warning',
      message: `The server’s clock is ${seconds} s ${differenceMs > 0 ? 'ahead of' : 'behind'} this machine’s.`,
      hint: 'Let both keep time with NTP; schedules and expiry go by this machine’s clock.',
    };
  });
}

/** Whoever holds back xmin makes every later backup read more, and keeps the server from cleaning up. */
export function checkLongTransactions(database: Database): Promise<Finding> {
  return asking(database, async (client) => {
    const { rows } = await client.query<{ what: string; minutes: number }>(
      `SELECT what, minutes FROM (
         SELECT 'session ' || pid || COALESCE(' of ' || usename, '') || COALESCE(' (' || NULLIF(application_name, '') || ')', '') AS what,
                (extract(epoch FROM clock_timestamp() - xact_start) / 60)::int AS minutes
         FROM pg_catalog.pg_stat_activity
         WHERE backend_xmin IS NOT NULL AND xact_start IS NOT NULL AND pid <> pg_catalog.pg_backend_pid()
         UNION ALL
         SELECT 'prepared transaction ' || gid, (extract(epoch FROM clock_timestamp() - prepared) / 60)::int
         FROM pg_catalog.pg_prepared_xacts WHERE database = current_database()
       ) AS holders
       WHERE minutes >= $1 ORDER BY minutes DESC LIMIT 5`,
      [LONG_TRANSACTION_MINUTES],
    );
    if (rows.length === 0) return { state: 'ok', message: 'No transaction is open for long.' };
    const named = rows.map(({ what, minutes }) => `${what} for ${minutes} min`).join(', ');
    return {
      state: 'warning',
      message: `Transactions are open for long: ${named}.`,
      hint: 'End them: they keep the server from cleaning up, and incremental backups read more than changed.',
    };
  });
}

export function checkUnfinished(database: Database): Promise<Finding> {
  return asking(database, async (client) => {
    const there = await client.query<{ there: boolean }>(
      `SELECT pg_catalog.to_regclass('public.module_backups') IS NOT NULL AS there`,
    );
    if (there.rows[0]?.there !== true)
      return { state: 'skipped', message: 'Not looked at: there is no catalogue yet.' };
    const { rows } = await client.query<{ running: number; failed: number }>(
      `SELECT count(*) FILTER (WHERE status = 'running')::int AS running,
              count(*) FILTER (WHERE status = 'failed')::int AS failed
       FROM public.module_backups WHERE to_jsonb(module_backups) ->> 'module_slug' IS NOT NULL
         AND created_at > now() - interval '7 days'`,
    );
    const { running, failed } = rows[0] ?? { running: 0, failed: 0 };
    if (failed === 0)
      return { state: 'ok', message: running === 0 ? 'None.' : `${running} running now, or ended by a crash.` };
    return {
      state: 'warning',
      message: `${failed} backups failed in the last seven days.`,
      hint: '`cofre backup list --status failed` shows them; `cofre backup show` says why.',
    };
  });
}
