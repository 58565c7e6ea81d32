import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import type { Database } from '../../packages/postgres/src/session/types.ts';
import { loadDump } from './load-dump.ts';
import type { TestServer } from './test-servers.ts';

export { type TestServer, testServers } from './test-servers.ts';

const checkout = path.resolve(import.meta.dirname, '..', '..');

/** empty: nothing · migrated: all of `supabase/migrations` · sakila: the Sakila database, without migrations. */
export type TemplateName = 'empty' | 'migrated' | 'sakila';

export interface TestDatabase {
  readonly url: string;
  readonly database: Database;
  /** Runs on one connection that is kept open, so it may hold a transaction. */
  query(sql: string, params?: unknown[]): Promise<pg.QueryResult>;
  /** Lets go of it, and leaves it there. */
  close(): Promise<void>;
  /** Ends whoever is connected, and drops it. */
  drop(): Promise<void>;
}

/** Where Sakila's `schema.sql` and `data.sql` are; null where they were not provided, and tests on them are skipped. */
export function sakilaFolder(): string | null {
  const folder = path.resolve(checkout, '..', 'shared', 'data', 'sakila');
  return existsSync(path.join(folder, 'data.sql')) ? folder : null;
}

/** A database of its own for one test or file, made from a template. */
export async function createTestDatabase(
  server: TestServer,
  options: { readonly template?: TemplateName } = {},
): Promise<TestDatabase> {
  const template = options.template ?? 'empty';
  const name = `t_${randomUUID().replaceAll('-', '')}`;
  await onMaintenance(server, async (client) => {
    if (template !== 'empty') await ensureTemplate(client, server, template);
    await client.query(
      `CREATE DATABASE ${name} TEMPLATE ${template === 'empty' ? 'template1' : templateName(template)}`,
    );
  });
  return openTestDatabase(server, name);
}

/** One that is there already. */
export function openTestDatabase(server: TestServer, name: string): TestDatabase {
  const url = urlOf(server, name);
  let client: Promise<pg.Client> | undefined;
  const database: Database = {
    label: `127.0.0.1/${name}`,
    connect: (options) => connect(url, options?.applicationName),
  };
  return {
    url,
    database,
    async query(sql, params) {
      client ??= connect(url, 'test');
      return (await client).query(sql, params);
    },
    async close() {
      if (client !== undefined) await (await client).end();
      client = undefined;
    },
    async drop() {
      await this.close();
      await onMaintenance(server, (maintenance) => maintenance.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}

function urlOf(server: TestServer, name: string): string {
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  return url.href;
}

async function connect(url: string, applicationName = 'cofre-test'): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: applicationName });
  // A connection that the server ends (DROP … WITH FORCE) must fail the query that runs on it, not the whole process.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function onMaintenance<T>(server: TestServer, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await connect(server.url);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

type BuiltTemplate = Exclude<TemplateName, 'empty'>;

const templateName = (template: BuiltTemplate) => `template_${template}`;

/** Any number, as long as nothing else locks by it in the maintenance database. */
const TEMPLATE_LOCK = 20250120;

/** Builds the template once per server. Test files race for it; the lock lets the first build and the others wait. */
async function ensureTemplate(client: pg.Client, server: TestServer, template: BuiltTemplate): Promise<void> {
  const name = templateName(template);
  const exists = async () => (await client.query('SELECT FROM pg_database WHERE datname = $1', [name])).rowCount === 1;
  if (await exists()) return;
  await client.query('SELECT pg_advisory_lock($1)', [TEMPLATE_LOCK]);
  try {
    if (await exists()) return;
    // Under another name until it is whole, so that a build that failed is never used.
    const building = `building_${template}`;
    await client.query(`DROP DATABASE IF EXISTS ${building} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${building} TEMPLATE template1`);
    const builder = await connect(urlOf(server, building));
    try {
      await (template === 'sakila' ? loadSakila(builder) : applyMigrations(builder));
    } finally {
      await builder.end();
    }
    await client.query(`ALTER DATABASE ${building} RENAME TO ${name}`);
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [TEMPLATE_LOCK]);
  }
}

async function applyMigrations(client: pg.Client): Promise<void> {
  const folder = path.join(checkout, 'supabase', 'migrations');
  const files = existsSync(folder) ? (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort() : [];
  for (const file of files) await client.query(await readFile(path.join(folder, file), 'utf8'));
}

async function loadSakila(client: pg.Client): Promise<void> {
  const folder = sakilaFolder();
  if (folder === null) throw new Error('Sakila is not here: skip the test where sakilaFolder() is null');
  for (const file of ['schema.sql', 'data.sql'])
    await loadDump(client, await readFile(path.join(folder, file), 'utf8'));
  // Statistics as a database that has been running has them.
  await client.query('RESET ALL; ANALYZE');
}
