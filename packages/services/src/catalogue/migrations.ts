import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { CofreError } from '@cofre/contracts';
import { type Database, translatePgError } from '@cofre/postgres';
import type pg from 'pg';

export interface Migration {
  /** The file's name without `.sql`; migrations run in the order of their names. */
  readonly name: string;
  readonly sql: string;
  /** `sha256:<hex>` of the text with `\n` line ends, so that a checkout with others is the same. */
  readonly checksum: string;
}

export interface MigrationStatus {
  readonly name: string;
  readonly state: 'applied' | 'pending';
  readonly appliedAt: string | null;
}

export async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort();
  return Promise.all(
    files.map(async (file) => {
      const sql = (await readFile(path.join(folder, file), 'utf8')).replaceAll('\r\n', '\n');
      const checksum = `sha256:${createHash('sha256').update(sql).digest('hex')}`;
      return { name: file.slice(0, -'.sql'.length), sql, checksum };
    }),
  );
}

interface AppliedMigration {
  readonly name: string;
  readonly checksum: string | null;
  readonly applied_at: Date;
}

/** Held while migrating, so that of two at once the second waits and then finds nothing to do. Any number, kept for ever. */
const MIGRATION_LOCK = '5720123101001';

/** Migrations point foreign keys at tables of the running application: rather give up than let it queue behind us. */
const LOCK_TIMEOUT_MS = 5000;

/** Applies what is pending, each file in a transaction of its own, and returns its names. Repeatable; safe when two run at once. */
export async function migrate(database: Database, migrations: readonly Migration[]): Promise<readonly string[]> {
  const client = await database.connect({ applicationName: 'cofre migrate' });
  try {
    await client.query(`SET statement_timeout = 0; SET lock_timeout = 0; SET client_min_messages = warning`);
    await client.query('SELECT pg_catalog.pg_advisory_lock($1::pg_catalog.int8)', [MIGRATION_LOCK]);
    const applied = await readApplied(client);
    refuseForeignHistory(applied, migrations);
    await adopt(client, applied, migrations);
    await client.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`);
    const pending = migrations.filter((migration) => !applied.some(({ name }) => name === migration.name));
    for (const migration of pending) await applyOne(client, migration);
    return pending.map(({ name }) => name);
  } catch (error) {
    throw translatePgError(error, { doing: 'migrating the catalogue' });
  } finally {
    // Ending the session gives the lock back, whatever state the session is in.
    await client.end();
  }
}

export async function migrationStatus(
  database: Database,
  migrations: readonly Migration[],
): Promise<readonly MigrationStatus[]> {
  const applied = await appliedMigrations(database);
  refuseForeignHistory(applied, migrations);
  return migrations.map(({ name }) => {
    const row = applied.find((candidate) => candidate.name === name);
    return row === undefined
      ? { name, state: 'pending', appliedAt: null }
      : { name, state: 'applied', appliedAt: row.applied_at.toISOString() };
  });
}

/** Throws `catalogue/not-migrated`, `catalogue/newer` or `catalogue/migration-changed` unless the catalogue is as this program knows it. */
export async function requireMigrated(database: Database, migrations: readonly Migration[]): Promise<void> {
  const status = await migrationStatus(database, migrations);
  const pending = status.filter(({ state }) => state === 'pending').map(({ name }) => name);
  if (pending.length === 0) return;
  throw new CofreError(
    'catalogue/not-migrated',
    `The database ${database.label} lacks ${pending.length} of ${migrations.length} migrations of the catalogue. Nothing was changed.`,
    { params: { pending } },
  );
}

async function appliedMigrations(database: Database): Promise<readonly AppliedMigration[]> {
  const client = await database.connect({ applicationName: 'cofre migrate' });
  try {
    return await readApplied(client);
  } catch (error) {
    throw translatePgError(error, { doing: 'reading which migrations the catalogue has had' });
  } finally {
    await client.end();
  }
}

async function readApplied(client: pg.Client): Promise<readonly AppliedMigration[]> {
  const there = await client.query<{ there: boolean }>(
    `SELECT pg_catalog.to_regclass('cofre.schema_migrations') IS NOT NULL AS there`,
  );
  if (there.rows[0]?.there !== true) return [];
  const result = await client.query<AppliedMigration>(
    'SELECT name, checksum, applied_at FROM cofre.schema_migrations ORDER BY name',
  );
  return result.rows;
}

function refuseForeignHistory(applied: readonly AppliedMigration[], migrations: readonly Migration[]): void {
  for (const row of applied) {
    const file = migrations.find(({ name }) => name === row.name);
    if (file === undefined) {
      throw new CofreError(
        'catalogue/newer',
        `The database has had the migration ${row.name}, which this version does not know. Nothing was changed.`,
        { params: { migration: row.name } },
      );
    }
    if (row.checksum !== null && row.checksum !== file.checksum) {
      throw new CofreError(
        'catalogue/migration-changed',
        `The migration ${row.name} differs from the one that was applied. Nothing was changed.`,
        { params: { migration: row.name } },
      );
    }
  }
}

/** Files name themselves when another tool applies them; from now on their checksum is held too. */
async function adopt(
  client: pg.Client,
  applied: readonly AppliedMigration[],
  migrations: readonly Migration[],
): Promise<void> {
  const unseen = migrations.filter(({ name }) => applied.some((row) => row.name === name && row.checksum === null));
  for (const migration of unseen) await recordChecksum(client, migration);
}

async function applyOne(client: pg.Client, migration: Migration): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(migration.sql);
    await recordChecksum(client, migration);
    await client.query('COMMIT');
  } catch (error) {
    // A broken connection has rolled back by itself; its error is the one to report.
    await client.query('ROLLBACK').catch(() => undefined);
    throw translatePgError(error, { doing: `applying the migration ${migration.name}, which was rolled back` });
  }
}

async function recordChecksum(client: pg.Client, migration: Migration): Promise<void> {
  await client.query(
    `INSERT INTO cofre.schema_migrations (name, checksum) VALUES ($1, $2)
     ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum`,
    [migration.name, migration.checksum],
  );
}
