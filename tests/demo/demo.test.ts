import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { costlyTestServers } from '../support/long-tests.ts';

const CLI = path.resolve(import.meta.dirname, '../../apps/cli/bin/cofre.mjs');
const run = promisify(execFile);

interface Failure {
  readonly code: number;
  readonly stderr: string;
}

interface DemoDocument {
  readonly proved: boolean;
  readonly steps: readonly { readonly step: string; readonly proof?: { readonly others: { readonly rows: number } } }[];
}

describe.each(costlyTestServers())('cofre demo on PostgreSQL $name', (server) => {
  let database: TestDatabase;
  let home: string;
  beforeAll(async () => {
    database = await createTestDatabase(server, { template: 'migrated' });
    home = await mkdtemp(path.join(tmpdir(), 'cofre-demo-'));
  });
  afterAll(async () => {
    await database.drop();
    await rm(home, { recursive: true, force: true });
  });

  const demo = async (...options: string[]) => {
    const env = { PATH: process.env['PATH'], HOME: home, COFRE_HOME: home, DATABASE_URL: database.url };
    const { stdout } = await run(process.execPath, [CLI, 'demo', '--json', ...options], { env });
    return JSON.parse(stdout) as DemoDocument;
  };

  it('does not touch a database that it was not told to', async () => {
    const failure = await demo().then(
      () => null,
      (error: unknown) => error as Failure,
    );
    expect(failure?.code).toBe(2);
    expect(failure?.stderr).toContain('demo/database-given');
    const { rows } = await database.query(`SELECT to_regclass('public.products') AS products`);
    expect(rows).toEqual([{ products: null }]);
  });

  it('proves twice that the slice came back and that nothing else was touched (I1, I7, I8)', async () => {
    for (let time = 1; time <= 2; time++) {
      const document = await demo('--into-my-database');
      expect(document.proved).toBe(true);
      expect(document.steps.map(({ step }) => step)).toEqual([
        'loaded',
        'backed-up',
        'damaged',
        'planned',
        'restored',
        'proved',
      ]);
      expect(document.steps.at(-1)?.proof?.others.rows).toBeGreaterThan(40_000);
    }
  });

  it('leaves every table ready for the next row (I9)', async () => {
    const before = await database.query('SELECT max(id)::int AS id FROM public.products');
    const { rows } = await database.query(
      `INSERT INTO public.products (tenant_id, category_id, sku, name, price, cost)
       SELECT tenant_id, category_id, 'NEXT', name, price, cost FROM public.products LIMIT 1 RETURNING id::int AS id`,
    );
    expect(rows[0].id).toBeGreaterThan(before.rows[0].id);
  });
});
