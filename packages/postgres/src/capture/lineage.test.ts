import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { databaseFromUrl } from '../session/database.ts';
import { pinSession } from '../session/pin-session.ts';
import { LINEAGE_HOLDS_SQL, markLineage } from './lineage.ts';

async function lineageHolds(client: pg.Client, backupId: string): Promise<boolean> {
  const { rows } = await client.query<{ holds: boolean }>(`SELECT ${LINEAGE_HOLDS_SQL} AS holds`, [backupId]);
  return rows[0]?.holds === true;
}

describe.each(testServers())('the lineage marker on PostgreSQL $name', (server) => {
  let test: TestDatabase;
  let client: pg.Client;

  beforeAll(async () => {
    test = await createTestDatabase(server, { template: 'migrated' });
    client = await databaseFromUrl(test.url).connect();
    await pinSession(client);
  });
  afterAll(async () => {
    await client?.end();
    await test?.drop();
  });

  it('holds in the database where it was left, also when it is read from within a transaction of its own', async () => {
    const backupId = randomUUID();
    expect(await lineageHolds(client, backupId)).toBe(false);
    await markLineage(client, backupId);
    expect(await lineageHolds(client, backupId)).toBe(true);
    await client.query('VACUUM (FREEZE) cofre.lineage');
    expect(await lineageHolds(client, backupId)).toBe(true);
  });

  it('does not hold in a copy that was made by reading and inserting, which gave all rows new transaction ids', async () => {
    const backupId = randomUUID();
    await markLineage(client, backupId);
    await client.query(`CREATE TABLE cofre.copied AS SELECT * FROM cofre.lineage; TRUNCATE cofre.lineage;
      INSERT INTO cofre.lineage SELECT * FROM cofre.copied; DROP TABLE cofre.copied`);
    expect(await lineageHolds(client, backupId)).toBe(false);
  });

  it('does not hold when the transaction that left it was rolled back', async () => {
    const backupId = randomUUID();
    await client.query('BEGIN');
    await markLineage(client, backupId);
    await client.query('ROLLBACK');
    expect(await lineageHolds(client, backupId)).toBe(false);
  });

  it('of a backup that was begun anew says when that was', async () => {
    const backupId = randomUUID();
    const left = async () => {
      await markLineage(client, backupId);
      const { rows } = await client.query('SELECT xact_id FROM cofre.lineage WHERE backup_id = $1', [backupId]);
      return BigInt(rows[0]?.xact_id);
    };
    const first = await left();
    expect(await left()).toBeGreaterThan(first);
    expect(await lineageHolds(client, backupId)).toBe(true);
  });

  it('is left for several backups of one snapshot at once', async () => {
    const ids = [randomUUID(), randomUUID()];
    await markLineage(client, ...ids);
    for (const id of ids) expect(await lineageHolds(client, id)).toBe(true);
  });
});
