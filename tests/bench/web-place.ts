import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { databaseFromUrl } from '@cofre/postgres';
import type pg from 'pg';
import { openStore, systemClock } from '../../packages/storage/src/index.ts';
import {
  addImplementation,
  applyDefinition,
  createBackup,
  planRestore,
  type ServiceContext,
} from '../../packages/services/src/index.ts';
import { fillBackups } from '../support/fill-lists.ts';
import { createTestService } from '../support/service-context.ts';
import { type Accounts, addPeople } from '../support/web-platform.ts';
import { withClient } from './with-client.ts';

const DEFINITION = `version: 1
module: shop
root: { table: public.store, key: [store_id] }
tables:
  - { table: public.store, role: config, scope: { columns: { store_id: store_id } } }
  - { table: public.item,  role: data,   scope: { columns: { store_id: store_id } } }
`;

const TABLES = `
  CREATE TABLE public.store (store_id int PRIMARY KEY, name text NOT NULL, settings jsonb);
  CREATE TABLE public.item (item_id bigint PRIMARY KEY, store_id int NOT NULL REFERENCES public.store, sku text NOT NULL,
    name text NOT NULL, price numeric(12, 2) NOT NULL, attributes jsonb NOT NULL, updated_at timestamptz NOT NULL);
  INSERT INTO public.store SELECT n, 'Store ' || n, '{"vat": 23.0}' FROM generate_series(1, 8) AS n`;

/** Some rows beside those that will change, and a few of every other store. */
const ITEMS = `
  INSERT INTO public.item
  SELECT i, CASE WHEN i <= $1::int * 1.1 THEN 1 ELSE 2 + i % 7 END, 'sku-' || i, 'Item number ' || i, i % 997 * 1.1,
    jsonb_build_object('colour', md5(i::text), 'weight', i % 100), '2025-01-01'
  FROM generate_series(1, ($1::int * 1.1)::int + 700) AS i`;

/** The list as if it had been backed up for years, the newest an hour ago. */
const OF_ONE_STORE = `
  UPDATE public.module_backups SET source_implementation_id = $1, implementation_id = $1, module_slug = 'shop',
    implementation_key = 'one', created_at = created_at + shift.by, completed_at = completed_at + shift.by,
    expires_at = expires_at + shift.by
  FROM (SELECT now() - interval '1 hour' - max(created_at) AS by FROM public.module_backups) AS shift`;

export interface WebPlaceOptions {
  readonly url: string;
  readonly scratch: string;
  /** Backups in the list of one implementation. */
  readonly backups: number;
  /** Rows that a restore would change. */
  readonly rows: number;
}

export interface WebPlace {
  readonly repository: string;
  readonly accounts: Accounts;
  readonly backupId: string;
  readonly planId: string;
}

/** What the pages show: one implementation with a long list, one real backup, and a large plan to restore it. */
export async function fillWebPlace({ url, scratch, backups, rows }: WebPlaceOptions): Promise<WebPlace> {
  const folder = path.join(scratch, 'repository');
  await mkdir(folder, { recursive: true });
  const repository = pathToFileURL(folder).href;
  const database = databaseFromUrl(url);
  await using service = await createTestService({ url, database }, { store: openStore(repository) });
  const context = service.again({ clock: systemClock });
  return await withClient(database, async (client) => {
    await client.query(TABLES);
    await client.query(ITEMS, [rows]);
    await applyDefinition(context, { source: DEFINITION });
    const implementations = await addStores(context);
    await fillBackups((sql, values) => client.query(sql, values), backups);
    await client.query(OF_ONE_STORE, [implementations[0]]);
    const { id: backupId } = await createBackup(context, {
      implementation: 'shop/one',
      description: 'Before the import',
    });
    return {
      repository,
      accounts: await addPeople(context),
      backupId,
      planId: await planLargely(client, { context, rows, backupId }),
    };
  });
}

async function addStores(context: ServiceContext): Promise<readonly string[]> {
  const keys = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'];
  const ids: string[] = [];
  for (const [index, key] of keys.entries()) {
    const scope = { store_id: index + 1 };
    ids.push((await addImplementation(context, { module: 'shop', key, name: `Store ${index + 1}`, scope })).id);
  }
  return ids;
}

interface Changed {
  readonly context: ServiceContext;
  readonly rows: number;
  readonly backupId: string;
}

/** Changes so many rows, and has it computed what it would take to put them back. */
async function planLargely(client: pg.ClientBase, { context, rows, backupId }: Changed): Promise<string> {
  await client.query(
    `UPDATE public.item SET price = price * 100, name = name || ' (imported)', updated_at = now()
     WHERE store_id = 1 AND item_id <= $1`,
    [rows],
  );
  await client.query('VACUUM (ANALYZE)');
  const { id, tables } = await planRestore(context, { backup: backupId });
  const planned = tables.reduce((sum, { updates }) => sum + updates, 0);
  if (planned !== rows) throw new Error(`the plan changes ${planned} rows, not ${rows}`);
  return id;
}
