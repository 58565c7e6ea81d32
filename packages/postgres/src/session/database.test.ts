import { createServer } from 'node:net';
import { CofreError } from '@cofre/contracts';
import { describe, expect, it } from 'vitest';
import { createTestDatabase, testServers } from '../../../../tests/support/database.ts';
import { databaseFromUrl } from './database.ts';

async function failureOf(work: () => unknown): Promise<CofreError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof CofreError) return error;
    throw error;
  }
  throw new Error('nothing failed');
}

const connecting = (url: string) => failureOf(async () => (await databaseFromUrl(url).connect()).end());

describe('databaseFromUrl', () => {
  it('labels a database without its password', () => {
    expect(databaseFromUrl('postgres://me:secret@db.example:6543/shop').label).toBe('db.example:6543/shop');
    expect(databaseFromUrl('postgresql://me:secret@[::1]/shop').label).toBe('::1:5432/shop');
    expect(databaseFromUrl('postgres:///shop?host=/var/run/postgresql&user=me').label).toBe('/var/run/postgresql/shop');
    expect(databaseFromUrl('postgres://me@%2Fvar%2Frun%2Fpostgresql/shop').label).toBe('/var/run/postgresql/shop');
  });

  it.each([
    '',
    'shop',
    '/var/run/postgresql shop',
    'mysql://root@localhost/shop',
    'postgres://me:secret@host:port/shop',
  ])('refuses %j, which is no URL of a database, without repeating it', async (url) => {
    const error = await failureOf(() => databaseFromUrl(url));
    expect(error.code).toBe('usage/invalid');
    expect(error.message).not.toContain('secret');
  });

  it('says that nobody listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    await new Promise((resolve) => server.close(resolve));
    const error = await connecting(`postgres://me:secret@127.0.0.1:${port}/shop`);
    expect(error.code).toBe('database/unreachable');
    expect(error.message).toContain(`127.0.0.1:${port}/shop`);
    expect(error.message).not.toContain('secret');
    expect((await connecting('postgres:///shop?host=/nowhere')).code).toBe('database/unreachable');
  });
});

describe.each(testServers())('databaseFromUrl on PostgreSQL $name', (server) => {
  it('says that the database or the role is not there', async () => {
    const missing = new URL(server.url);
    missing.pathname = '/no_such_database';
    expect(await connecting(missing.href)).toMatchObject({
      code: 'database/unreachable',
      params: { sqlState: '3D000' },
    });
    const stranger = new URL(server.url);
    stranger.username = 'no_such_role';
    expect((await connecting(stranger.href)).code).toBe('database/unreachable');
  });

  it('refuses an encoding in which text cannot be told', async () => {
    const test = await createTestDatabase(server);
    try {
      await test.query(`CREATE DATABASE ascii_${server.name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0`);
      const ascii = new URL(test.url);
      ascii.pathname = `/ascii_${server.name}`;
      expect(await connecting(ascii.href)).toMatchObject({ code: 'database/unsupported' });
    } finally {
      await test.query(`DROP DATABASE IF EXISTS ascii_${server.name} WITH (FORCE)`);
      await test.drop();
    }
  });

  it('names its sessions, and outlives one that the server ends while it is idle', async () => {
    const test = await createTestDatabase(server);
    try {
      const client = await databaseFromUrl(test.url).connect({ applicationName: 'cofre idle' });
      const ended = new Promise((resolve) => client.once('end', () => resolve(null)));
      await test.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cofre idle' AND datname = current_database()`,
      );
      await ended;
      await expect(client.query('SELECT 1')).rejects.toThrow();
    } finally {
      await test.drop();
    }
  });

  it('reads results larger than its buffer like any connection', async () => {
    const client = await databaseFromUrl(server.url).connect();
    try {
      const result = await client.query(
        `SELECT repeat('é', 3 * 1024 * 1024) AS long, g FROM generate_series(1, 3) AS g`,
      );
      expect(result.rows.map((row) => [row.g, row.long.length])).toEqual([1, 2, 3].map((g) => [g, 3 * 1024 * 1024]));
      expect(new Set(result.rows[2].long)).toEqual(new Set(['é']));
    } finally {
      await client.end();
    }
  });
});
