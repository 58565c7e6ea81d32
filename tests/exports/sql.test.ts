import { afterEach, describe, expect, it } from 'vitest';
import type { Definition } from '../../packages/contracts/src/index.ts';
import type { Manifest, ManifestTable } from '../../packages/engine/src/index.ts';
import { batchesOfLines, exportFiles, linesOf, outlineExport } from '../../packages/engine/src/index.ts';
import { discover } from '../../packages/postgres/src/definition/discover.ts';
import { parseDefinition } from '../../packages/postgres/src/definition/parse-definition.ts';
import { pinSession } from '../../packages/postgres/src/session/pin-session.ts';
import { quoteTable } from '../../packages/postgres/src/session/quote.ts';
import { AWKWARD_DEFINITION, AWKWARD_ROWS, AWKWARD_SCHEMA } from '../support/awkward-shop.ts';
import { shopDefinition } from '../support/collect-rows.ts';
import { createTestDatabase, sakilaFolder, type TestDatabase, testServers } from '../support/database.ts';
import { exportSql, readFiles } from '../support/export-text.ts';
import { loadByPsql, psqlVersion } from '../support/psql.ts';
import { type RestoreScenario, restoreScenario } from '../support/restore-scenario.ts';
import { buildTypeTables, HOSTILE_SETTINGS } from '../support/type-tables.ts';

/** What a name may do at worst: end a string, a comment, a statement, a COPY; be a command of psql. */
const HOSTILE_NAMES = [
  `x"; DROP TABLE public.witness; --`,
  `y'); DROP TABLE public.witness; --`,
  'line\n\\! touch /tmp/cofre-was-here\n',
  'return\r\\! touch /tmp/cofre-was-here\r',
  `:witness :'witness' :"witness"`,
  '\\.',
  '$$ $cofre$',
  '*/ -- /*',
  'emoji 📦 \u2028 ünï',
  "\\'",
];

describe.skipIf((await psqlVersion()) === null).each(testServers())('an SQL export on PostgreSQL $name', (server) => {
  const made: TestDatabase[] = [];
  afterEach(async () => {
    for (const db of made.splice(0)) await db.drop();
  });

  async function database(template: 'empty' | 'sakila' = 'empty'): Promise<TestDatabase> {
    const db = await createTestDatabase(server, { template });
    made.push(db);
    return db;
  }

  async function backedUp(
    db: TestDatabase,
    definition: Definition,
    rootKey: Definition['tables'][number] | object = { id: 1 },
  ) {
    const scenario = await restoreScenario({ database: db.database, definition, rootKey: rootKey as { id: number } });
    return { scenario, manifest: await scenario.backUp() };
  }

  async function loaded(scenario: RestoreScenario, manifest: Manifest): Promise<TestDatabase> {
    const target = await database();
    const { name } = (await target.query('SELECT current_database() AS name')).rows[0];
    for (const setting of HOSTILE_SETTINGS.filter((it) => !it.startsWith('statement_timeout')))
      await target.query(`ALTER DATABASE ${name} SET ${setting}`);
    const sql = await exportSql(scenario.repository, manifest);
    expect(await loadByPsql(target.url, sql, { PGCLIENTENCODING: 'SJIS' })).toMatchObject({ code: 0 });
    return target;
  }

  /** The rows of every table as each database writes them, in an order of their own. */
  async function expectSameRows(
    source: TestDatabase,
    target: TestDatabase,
    tables: ReadonlyMap<ManifestTable, string>,
  ) {
    for (const [table, condition] of tables) {
      const columns = table.columns.map(({ name }) => `"${name.replaceAll('"', '""')}"::text`).join(', ');
      const rows = async (db: TestDatabase, where: string) =>
        (
          await db.query(
            `SELECT ROW(${columns})::text AS row FROM ONLY ${quoteTable(table)} AS t WHERE ${where} ORDER BY 1`,
          )
        ).rows;
      const wanted = await rows(source, condition);
      expect(wanted.length).toBe(table.rows);
      expect(await rows(target, 'true')).toEqual(wanted);
    }
  }

  it.skipIf(sakilaFolder() === null)(
    'of a store of Sakila holds every row of it, as plain queries see it',
    async () => {
      const db = await database('sakila');
      const client = await db.database.connect();
      await pinSession(client);
      const { yaml } = await discover(client, { root: 'public.store', module: 'rentals' });
      await client.end();
      const { scenario, manifest } = await backedUp(db, parseDefinition(yaml).definition, { store_id: 1 });
      const target = await loaded(scenario, manifest);
      const path = (table: string) =>
        table.startsWith('payment')
          ? `t.rental_id IN (SELECT rental_id FROM rental JOIN inventory USING (inventory_id) WHERE store_id = 1)`
          : table === 'rental'
            ? 't.inventory_id IN (SELECT inventory_id FROM inventory WHERE store_id = 1)'
            : 't.store_id = 1';
      await expectSameRows(db, target, new Map(manifest.tables.map((table) => [table, path(table.name)])));
      expect(manifest.tables.map(({ name }) => name)).toContain('rental');
    },
  );

  it('of a schema with everything loads, with its keys, sequences, types, and what it leaves out said', async () => {
    const db = await database();
    await db.query(AWKWARD_SCHEMA);
    await db.query(AWKWARD_ROWS);
    const { scenario, manifest } = await backedUp(db, AWKWARD_DEFINITION);
    const target = await loaded(scenario, manifest);
    const direct = manifest.tables.filter(({ columns }) => columns.some(({ name }) => name === 'shop'));
    const isRoot = ({ name }: ManifestTable) => !name.startsWith('event');
    await expectSameRows(db, target, new Map(direct.filter(isRoot).map((table) => [table, 't.shop = 1'])));
    expect((await target.query('SELECT enum_range(NULL::public.mood)::text AS all')).rows).toEqual([
      { all: '{good,bad,ugly}' },
    ]);
    await target.query(`INSERT INTO item (shop, label, last_update) VALUES (1, 'next', now())`);
    await target.query(`INSERT INTO staff (shop, name, last_update) VALUES (1, 'next', now())`);
    await expect(
      target.query(`INSERT INTO item (shop, label, last_update, parent) VALUES (1, 'x', now(), -1)`),
    ).rejects.toThrow(/parent_fkey/);
    const sql = await exportSql(scenario.repository, manifest);
    const head = sql.slice(0, sql.indexOf('BEGIN;'));
    for (const said of [
      'generated column public.item.upper_label',
      'exclusion index booking_room_during_excl of public.booking',
      'foreign key item_city_fkey of public.item: public.city is not in this file',
    ])
      expect(head).toContain(said);
  });

  it('of every type gives the values that were there; types that cannot be made again are text', async () => {
    const db = await database();
    const client = await db.database.connect();
    await pinSession(client);
    const types = await buildTypeTables(client);
    await client.end();
    const { scenario, manifest } = await backedUp(db, shopDefinition(types.map(({ table }) => `public.${table}`)));
    const target = await loaded(scenario, manifest);
    const asText: string[] = [];
    for (const session of [db, target]) {
      await session.query("SET search_path = ''");
      for (const setting of [
        "DateStyle = 'ISO, YMD'",
        "IntervalStyle = 'postgres'",
        "TimeZone = 'UTC'",
        'extra_float_digits = 3',
        "bytea_output = 'hex'",
        "lc_monetary = 'C'",
        'standard_conforming_strings = on',
        "client_encoding = 'UTF8'",
      ])
        await session.query(`SET ${setting}`);
    }
    for (const { type, table } of types) {
      const read = async (session: TestDatabase) =>
        (
          await session.query(
            `SELECT id, pg_catalog.concat(v) AS v, pg_catalog.concat(vs) AS vs FROM public.${table} ORDER BY id`,
          )
        ).rows;
      expect([type, await read(target)]).toEqual([type, await read(db)]);
      const [found] = (
        await target.query(
          `SELECT pg_catalog.format_type(atttypid, atttypmod) AS type FROM pg_catalog.pg_attribute WHERE attrelid = 'public.${table}'::pg_catalog.regclass AND attname = 'v'`,
        )
      ).rows;
      if (found.type === 'text') asText.push(type);
    }
    expect(asText.filter((type) => !/^(reg|aclitem|text$)/.test(type)).toSorted()).toEqual([
      'public.citext',
      'public.cube',
      'public.hstore',
      'public.isbn13',
      'public.ltree',
      'public.seg',
    ]);
  });

  it('with names of any kind makes just these names, and neither server nor psql does anything else', async () => {
    const db = await database();
    const quoted = HOSTILE_NAMES.map((name) => `"${name.replaceAll('"', '""')}"`);
    await db.query(`CREATE TABLE shop (id int PRIMARY KEY); INSERT INTO shop VALUES (1)`);
    for (const [index, name] of quoted.entries()) {
      await db.query(`CREATE SCHEMA ${name}; CREATE TYPE ${name}."a type" AS ENUM ('${HOSTILE_NAMES[index]?.replaceAll("'", "''")}');
        CREATE TABLE ${name}.${name} (shop int, ${name} serial, e ${name}."a type", t text DEFAULT E'\\n\\\\! touch /tmp/cofre-was-here', CONSTRAINT ${name.slice(0, -1)} key" PRIMARY KEY (${name}));
        INSERT INTO ${name}.${name} (shop, e, t) VALUES (1, '${HOSTILE_NAMES[index]?.replaceAll("'", "''")}', '\\.'), (1, NULL, E'\\\\.\\n\\\\! touch /tmp/cofre-was-here\\n')`);
    }
    const tables = quoted.map((name) => `${name}.${name}`);
    const { scenario, manifest } = await backedUp(db, shopDefinition(tables));
    const target = await database();
    await target.query('CREATE TABLE public.witness (id int)');
    const sql = await exportSql(scenario.repository, manifest);
    const run = await loadByPsql(target.url, sql, { PGCLIENTENCODING: 'SJIS' });
    expect(run).toMatchObject({ code: 0 });
    expect((await target.query('SELECT count(*)::int FROM public.witness')).rows).toEqual([{ count: 0 }]);
    for (const table of tables)
      expect((await target.query(`SELECT t::text FROM ${table} AS t ORDER BY 1`)).rows).toEqual(
        (await db.query(`SELECT t::text FROM ${table} AS t ORDER BY 1`)).rows,
      );
  });

  it('of an empty slice and of a table without a key loads', async () => {
    const db = await database();
    await db.query(`CREATE TABLE shop (id int PRIMARY KEY); INSERT INTO shop VALUES (1), (2);
      CREATE TABLE t (shop int, v text); INSERT INTO t VALUES (1, 'a'), (1, 'a'), (1, NULL), (1, '')`);
    for (const [id, rows] of [
      [1, 4],
      [2, 0],
    ] as const) {
      const { scenario, manifest } = await backedUp(db, shopDefinition(['public.t']), { id });
      const target = await loaded(scenario, manifest);
      await expectSameRows(db, target, new Map(manifest.tables.map((table) => [table, `t.shop = ${id}`])));
      expect(manifest.tables.map((table) => table.rows)).toEqual([rows]);
    }
  });

  it('of a manifest or of rows that somebody forged is refused, or holds nothing that would be carried out', async () => {
    const db = await database();
    await db.query(`CREATE TABLE shop (id int PRIMARY KEY); INSERT INTO shop VALUES (1);
      CREATE TABLE t (shop int, id serial PRIMARY KEY, v text DEFAULT 'x'); INSERT INTO t SELECT 1, i, 'v' FROM generate_series(1, 5) i`);
    const { scenario, manifest } = await backedUp(db, shopDefinition(['public.t']));
    const evil = 'int DEFAULT pg_terminate_backend(0)';
    const forged = JSON.parse(
      JSON.stringify(manifest)
        .replaceAll('"type":"text"', JSON.stringify({ type: evil }).slice(1, -1))
        .replaceAll('"increment":"1"', '"increment":"1; DROP TABLE public.witness"')
        .replaceAll("'x'::text", 'x\\n\\\\! touch /tmp/cofre-was-here\\n'),
    ) as Manifest;
    const target = await database();
    const sql = await exportSql(scenario.repository, forged);
    expect(await loadByPsql(target.url, sql)).toMatchObject({ code: 0 });
    const [, ...statements] = sql.split('BEGIN;');
    expect(statements.join('')).not.toContain('terminate');
    expect(sql).not.toContain('DROP');
    expect(sql).not.toMatch(/^\\[^.]/m);
    const [table] = manifest.tables;
    if (table === undefined) throw new Error('the backup has a table');
    for (const line of ['\\.\n', '1\t\\q\tx\n', '1\t7\tx\r\n', '1\t7\tx\0\n']) {
      const source = {
        async *readRows(it: ManifestTable) {
          const lines: Buffer[] = [];
          for await (const batch of scenario.repository.readRows(it))
            for (const one of linesOf(batch)) lines.push(Buffer.from(one));
          yield* batchesOfLines([...lines.slice(1), Buffer.from(line)]);
        },
      };
      const options = { format: 'sql', tables: [table], secrets: 'left-out', content: 'structure-and-rows' } as const;
      await expect(readFiles(exportFiles(source, outlineExport(manifest, options)))).rejects.toMatchObject({
        code: 'repository/damaged',
      });
    }
  });
});
