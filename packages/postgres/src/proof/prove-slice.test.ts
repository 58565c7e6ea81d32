import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isCofreError } from '@cofre/contracts';
import { batchesOfLines, linesOf, type Manifest, type ManifestTable } from '@cofre/engine';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AWKWARD_DEFINITION, AWKWARD_ROWS, AWKWARD_SCHEMA } from '../../../../tests/support/awkward-shop.ts';
import { shopDefinition } from '../../../../tests/support/collect-rows.ts';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { type RestoreScenario, restoreScenario } from '../../../../tests/support/restore-scenario.ts';
import { buildTypeTables, HOSTILE_SETTINGS } from '../../../../tests/support/type-tables.ts';
import { databaseFromUrl } from '../session/database.ts';
import { pinSession } from '../session/pin-session.ts';
import { printTable } from '../session/quote.ts';
import type { SliceProof } from './proof-result.ts';
import { type ProveOptions, proveSlice } from './prove-slice.ts';
import { requireScratchRight } from './scratch-session.ts';

const random = { uuid: randomUUID, bytes: (length: number) => new Uint8Array(length) };

interface ProofSetting {
  readonly scenario: RestoreScenario;
  readonly db: TestDatabase;
}

function prove(
  { scenario, db }: ProofSetting,
  manifest: Manifest,
  more: Partial<ProveOptions> = {},
): Promise<SliceProof> {
  const rowsOf = (table: ManifestTable) => scenario.repository.readRows(table);
  return proveSlice({ database: db.database, manifest, rowsOf, random, lockTimeoutMs: 1000, ...more });
}

const faultsOf = ({ tables }: SliceProof) =>
  tables.flatMap(({ table, fault }) => (fault === null ? [] : [{ table, ...fault }]));

/** Nothing of a proof may be left: no schema, no session, no transaction. */
async function expectNoTrace(db: TestDatabase): Promise<void> {
  const { rows } = await db.query(`
    SELECT nspname AS left_over FROM pg_namespace WHERE nspname LIKE 'cofre\\_proof%'
    UNION ALL SELECT relname FROM pg_class WHERE relname ~ '^t[0-9]+$' AND relnamespace <> 'public'::regnamespace
    UNION ALL SELECT query FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'cofre proof'`);
  expect(rows).toEqual([]);
}

describe.each(costlyTestServers())('a proof of every type on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  let client: pg.Client;
  beforeAll(async () => {
    db = await createTestDatabase(server);
    const { name } = (await db.query('SELECT current_database() AS name')).rows[0];
    for (const setting of HOSTILE_SETTINGS) await db.query(`ALTER DATABASE ${name} SET ${setting}`);
    client = await databaseFromUrl(db.url).connect();
    await pinSession(client);
  });
  afterAll(async () => {
    await client.end();
    await db.drop();
  });

  it('brings every value back as it was, whatever settings the database has', async () => {
    const tables = await buildTypeTables(client);
    const database = databaseFromUrl(db.url);
    const definition = shopDefinition(tables.map(({ table }) => `public.${table}`));
    const scenario = await restoreScenario({ database, definition, rootKey: { id: 1 } });
    const manifest = await scenario.backUp();
    const proof = await prove({ scenario, db }, manifest, { database });
    expect(proof.tables.length).toBeGreaterThan(90);
    expect(proof.tables.map(({ rows }) => rows)).toEqual(manifest.tables.map(({ rows }) => rows));
    expect(faultsOf(proof)).toEqual([]);
    expect(proof.notChecked).toEqual([]);
    await expectNoTrace(db);
  }, 120_000);
});

interface OddTable {
  readonly create: string;
  readonly servers?: readonly string[];
  /** Names of what is said not to be checked. */
  readonly notChecked?: readonly string[];
}

/** Tables `t` with a column `shop` and rows of shop 1. */
const ODD: Readonly<Record<string, OddTable>> = {
  'with no rows': { create: 'CREATE TABLE t (id int PRIMARY KEY, shop int)' },
  'with no key, whose rows repeat and are NULL': {
    create: `CREATE TABLE t (shop int, line text, data json, at point);
      INSERT INTO t SELECT 1, NULLIF('l' || i % 3, 'l0'), '{"a":  1}', CASE WHEN i % 2 = 0 THEN '(1,2)'::point END FROM generate_series(1, 40) i`,
  },
  'with dropped columns': {
    create: `CREATE TABLE t (gone int, id int PRIMARY KEY, also text, shop int, label text);
      INSERT INTO t SELECT i, i, 'x', 1, 'l' || i FROM generate_series(1, 9) i;
      ALTER TABLE t DROP gone, DROP also, ADD late text DEFAULT 'late'`,
  },
  'with identities, defaults and sequences': {
    create: `CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n serial, shop int DEFAULT 1, at timestamptz DEFAULT now());
      INSERT INTO t (shop) SELECT 1 FROM generate_series(1, 9)`,
  },
  'with generated columns, unique by them': {
    create: `CREATE TABLE t (id int PRIMARY KEY, shop int, label text, folded text GENERATED ALWAYS AS (lower(label)) STORED UNIQUE);
      INSERT INTO t SELECT i, 1, 'Label ' || i FROM generate_series(1, 9) i`,
    notChecked: ['folded', 't_folded_key'],
  },
  'with columns that are generated when they are read': {
    create: `CREATE TABLE t (id int PRIMARY KEY, shop int, label text, folded text GENERATED ALWAYS AS (lower(label)) VIRTUAL);
      INSERT INTO t SELECT i, 1, 'Label ' || i FROM generate_series(1, 9) i`,
    servers: ['18'],
    notChecked: ['folded'],
  },
  'whose key is a period': {
    create: `CREATE EXTENSION IF NOT EXISTS btree_gist;
      CREATE TABLE t (id int, shop int, valid daterange, PRIMARY KEY (id, valid WITHOUT OVERLAPS));
      INSERT INTO t SELECT 1 + i % 3, 1, daterange('2025-01-01'::date + i, '2025-01-02'::date + i) FROM generate_series(1, 9) i`,
    servers: ['18'],
  },
  'with old rows that lack what new ones must have': {
    create: `CREATE TABLE t (id int PRIMARY KEY, shop int, label text); INSERT INTO t VALUES (1, 1, NULL);
      ALTER TABLE t ADD CONSTRAINT label_there NOT NULL label NOT VALID`,
    servers: ['18'],
    notChecked: ['null'],
  },
  'that is partitioned': {
    create: `CREATE TABLE t (id int, shop int, kind text, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
      CREATE TABLE t_a PARTITION OF t FOR VALUES IN ('a'); CREATE TABLE t_b PARTITION OF t FOR VALUES IN ('b', 'c');
      INSERT INTO t SELECT i, 1, chr(97 + i % 3) FROM generate_series(1, 30) i`,
  },
  'with a key of many orders': {
    create: `CREATE TABLE t (shop int, n numeric, at timestamptz, d date, u uuid, label text, flag bool, raw bytea, code char(3),
        PRIMARY KEY (shop, n, at, d, u, label, flag, raw, code));
      INSERT INTO t SELECT 1, (i - 20) / 10.0, '0044-03-15 BC'::timestamptz + i * interval '97 years', date '2025-01-01' - i % 5,
        md5(i::text)::uuid, (ARRAY['a', 'B', 'ä', 'Z', E'tab\\there', 'emoji 📦'])[1 + i % 6], i % 2 = 0, decode(md5(i::text), 'hex'), 'c' || i % 10
      FROM generate_series(1, 60) i`,
  },
  'with unique indexes of every kind': {
    create: `CREATE FUNCTION folded(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';
      CREATE TABLE t (id int PRIMARY KEY, shop int, a text, b int, c text, UNIQUE (b) DEFERRABLE INITIALLY DEFERRED, UNIQUE (a, b));
      CREATE UNIQUE INDEX by_expression ON t (lower(c), (b + 1)); CREATE UNIQUE INDEX by_part ON t (a) WHERE b > 5;
      CREATE UNIQUE INDEX by_function ON t (folded(c));
      INSERT INTO t SELECT i, 1, CASE WHEN i > 5 THEN 'a' || i ELSE 'a' END, i, 'C' || i FROM generate_series(1, 9) i`,
    notChecked: ['by_function'],
  },
  'with values that a collation calls equal': {
    create: `CREATE COLLATION IF NOT EXISTS folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      CREATE TABLE t (id int PRIMARY KEY, shop int, a text COLLATE folding UNIQUE); INSERT INTO t VALUES (1, 1, 'a'), (2, 1, 'b')`,
  },
  'with a domain that asks functions of the application': {
    create: `CREATE TABLE allowed (what text); INSERT INTO allowed VALUES ('a'), ('b');
      CREATE FUNCTION is_allowed(text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
        IF NOT EXISTS (SELECT FROM allowed WHERE what = $1) THEN RAISE 'not allowed'; END IF; RETURN true; END $$;
      CREATE DOMAIN what AS text CHECK (is_allowed(VALUE));
      CREATE TABLE t (id int PRIMARY KEY, shop int, what what); INSERT INTO t VALUES (1, 1, 'a'), (2, 1, 'b')`,
  },
  'with a domain whose function says otherwise today': {
    create: `CREATE FUNCTION is_allowed(text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RETURN true; END $$;
      CREATE DOMAIN what AS text CHECK (is_allowed(VALUE));
      CREATE TABLE t (id int PRIMARY KEY, shop int, what what); INSERT INTO t VALUES (1, 1, 'a');
      CREATE OR REPLACE FUNCTION is_allowed(text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$`,
    notChecked: ['what'],
  },
  'with names of any kind': {
    create: `CREATE TABLE "T '📦' ""x""" (id int, "sel""ect ;--" text, "ünï" int, shop int, PRIMARY KEY ("sel""ect ;--", id), UNIQUE ("ünï"));
      INSERT INTO "T '📦' ""x""" SELECT i, 'x' || i, i, 1 FROM generate_series(1, 9) i`,
  },
  'with rows of many megabytes': {
    create: `CREATE TABLE t (id int PRIMARY KEY, shop int, big text); ALTER TABLE t ALTER big SET STORAGE EXTERNAL;
      INSERT INTO t SELECT i, 1, repeat(md5(i::text), 300000) FROM generate_series(1, 3) i`,
  },
};

describe.each(costlyTestServers())('a proof of a table on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await createTestDatabase(server);
  });
  afterAll(() => db.drop());
  beforeEach(async () => {
    await db.query(`DROP SCHEMA public CASCADE; CREATE SCHEMA public;
      CREATE TABLE public.shop (id int PRIMARY KEY); INSERT INTO public.shop VALUES (1), (2)`);
  });

  async function backedUp(create: string, table = 'public.t') {
    await db.query(create);
    const definition = shopDefinition([table]);
    const scenario = await restoreScenario({ database: db.database, definition, rootKey: { id: 1 } });
    return { setting: { scenario, db }, manifest: await scenario.backUp() };
  }

  const odd = Object.entries(ODD).filter(([, { servers }]) => servers?.includes(server.name) ?? true);
  it.each(odd)('%s finds it whole', async (name, { create, notChecked = [] }) => {
    const table = name.includes('names') ? `public."T '📦' ""x"""` : 'public.t';
    const { setting, manifest } = await backedUp(create, table);
    const proof = await prove(setting, manifest);
    expect(faultsOf(proof)).toEqual([]);
    expect(proof.tables).toMatchObject([{ rows: manifest.tables[0]?.rows, matches: true, structure: 'live' }]);
    expect(proof.notChecked.map((note) => String(note.name))).toEqual(notChecked);
    await expectNoTrace(db);
  });

  describe('whose types or name are others today', () => {
    const CREATE = `CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE DOMAIN price AS numeric(10,2) CHECK (VALUE >= 0);
      CREATE DOMAIN number AS int; CREATE TYPE pair AS (m mood, p price); CREATE TABLE named ();
      CREATE TABLE t (id number PRIMARY KEY, shop int, m mood, ms mood[], p price, pair pair, r regclass, label text);
      INSERT INTO t SELECT i, 1, 'bad', '{good,bad}', i, ROW('good', i)::pair, 'named', 'l' || i FROM generate_series(-3, 20) i
        WHERE i >= 0`;
    it.each([
      [
        'a label was renamed',
        `ALTER TYPE mood RENAME VALUE 'bad' TO 'poor'`,
        { notChecked: ['m', 'ms'], structure: 'live' },
      ],
      [
        'a domain asks for more',
        'ALTER DOMAIN price ADD CHECK (VALUE <> 7) NOT VALID',
        { notChecked: ['p', 'pair'], structure: 'live' },
      ],
      ['an object that values name is gone', 'DROP TABLE named', { notChecked: ['r'], structure: 'live' }],
      [
        'a type was renamed',
        'ALTER TYPE mood RENAME TO humour',
        { notChecked: ['null', 'm', 'ms'], structure: 'manifest' },
      ],
      [
        'a type of the key is gone',
        'DROP DOMAIN number CASCADE',
        { notChecked: ['null', 'id'], structure: 'manifest' },
      ],
      ['the table was renamed', 'ALTER TABLE t RENAME TO other', { notChecked: ['null'], structure: 'manifest' }],
      ['the table is gone', 'DROP TABLE t', { notChecked: ['null'], structure: 'manifest' }],
      ['a column is gone', 'ALTER TABLE t DROP label', { notChecked: ['null'], structure: 'manifest' }],
      [
        'a column is of another type',
        'ALTER TABLE t ALTER label TYPE varchar(200)',
        { notChecked: ['null'], structure: 'manifest' },
      ],
      [
        'it is a view today',
        'ALTER TABLE t RENAME TO u; CREATE VIEW t AS SELECT * FROM u',
        { notChecked: ['null'], structure: 'manifest' },
      ],
    ])(
      'is whole all the same, and what was not checked is said: %s',
      async (_what, change, { notChecked, structure }) => {
        const { setting, manifest } = await backedUp(CREATE);
        expect(faultsOf(await prove(setting, manifest))).toEqual([]);
        await db.query(change);
        const proof = await prove(setting, manifest);
        expect(faultsOf(proof)).toEqual([]);
        expect(proof.tables).toMatchObject([{ rows: 21, matches: true, structure }]);
        expect(proof.notChecked.map(({ name }) => String(name))).toEqual(notChecked);
        await expectNoTrace(db);
      },
    );
  });

  describe('finds what does not come back as it should', () => {
    const CREATE = `CREATE TABLE t (id int PRIMARY KEY, shop int, label text NOT NULL, email text, sku int UNIQUE);
      CREATE UNIQUE INDEX by_email ON t (lower(email)) WHERE email <> '';
      INSERT INTO t SELECT i, 1, 'l' || i, 'e' || i || '@example.org', i FROM generate_series(1, 5000) i`;
    const line = (id: string, columns = 'l\tx@y\t99999') => `${id}\t1\t${columns}\n`;
    it.each([
      ['a row that is lost', (lines: string[]) => lines.toSpliced(7, 1), { kind: 'rows' }],
      ['a row too many', (lines: string[]) => [...lines, line('9999')], { kind: 'rows' }],
      ['a key twice', (lines: string[]) => lines.with(8, lines[7] ?? ''), { kind: 'key' }],
      [
        'rows out of order',
        (lines: string[]) => lines.with(7, lines[8] ?? '').with(8, lines[7] ?? ''),
        { kind: 'rows' },
      ],
      ['a value that the server writes otherwise', (lines: string[]) => lines.with(7, line('+8')), { kind: 'rows' }],
      ['a value that is none', (lines: string[]) => lines.with(7, line('eight')), { kind: 'values' }],
      ['a line that is torn', (lines: string[]) => lines.with(7, '8\t1\n'), { kind: 'values' }],
      [
        'what must be there and is not',
        (lines: string[]) => lines.with(7, line('8', '\\N\tx@y\t8')),
        { kind: 'not-null' },
      ],
      ['what must be unique and is not', (lines: string[]) => lines.with(7, line('8', 'l\tx\t9')), { kind: 'unique' }],
      [
        'the same by an expression',
        (lines: string[]) => lines.with(7, line('8', 'l\tE9@EXAMPLE.org\t8')),
        { kind: 'unique' },
      ],
    ])('%s', async (_what, spoil, fault) => {
      const { setting, manifest } = await backedUp(CREATE);
      const rowsOf = async function* (table: ManifestTable) {
        const lines: string[] = [];
        for await (const batch of setting.scenario.repository.readRows(table))
          for (const it of linesOf(batch)) lines.push(it.toString());
        yield* batchesOfLines(spoil(lines).map((it) => Buffer.from(it)));
      };
      const sourceVersion = { ...manifest, snapshot: { ...manifest.snapshot, serverVersionNum: 150_000 } };
      const proof = await prove(setting, sourceVersion, { rowsOf });
      expect(faultsOf(proof)).toMatchObject([{ table: 'public.t', ...fault }]);
      expect(JSON.stringify(proof)).not.toMatch(/e9@|eight/i);
      await expectNoTrace(db);
    });

    it('a block that the repository cannot give any more, in the middle of a table', async () => {
      const { setting, manifest } = await backedUp(CREATE);
      for await (const { path } of setting.scenario.repository.store.list('packs/'))
        await setting.scenario.repository.store.delete(path);
      expect(faultsOf(await prove(setting, manifest))).toMatchObject([{ table: 'public.t', kind: 'unreadable' }]);
      await expectNoTrace(db);
    });

    it('a manifest that would run something runs nothing', async () => {
      const { setting, manifest } = await backedUp(CREATE);
      const evil = 'int); DROP TABLE public.t; --';
      const spoiled = {
        ...manifest,
        tables: manifest.tables.map((table) => ({
          ...table,
          columns: table.columns.map((column) => (column.name === 'sku' ? { ...column, type: evil } : column)),
          facts: JSON.parse(JSON.stringify(table.facts).replaceAll('lower(email)', '(SELECT pg_sleep(10))::text')),
        })),
      };
      const proof = await prove(setting, spoiled);
      expect(faultsOf(proof)).toEqual([]);
      expect(proof.notChecked.map(({ name }) => name)).toEqual([null, 'sku', 'by_email']);
      expect((await db.query('SELECT count(*)::int FROM public.t')).rows).toEqual([{ count: 5000 }]);
    });
  });
});

describe.each(costlyTestServers())('a proof of a slice on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  let setting: ProofSetting;
  let manifest: Manifest;
  beforeEach(async () => {
    db = await createTestDatabase(server);
    await db.query(AWKWARD_SCHEMA);
    await db.query(AWKWARD_ROWS);
    const slice = { definition: AWKWARD_DEFINITION, rootKey: { id: 1 } };
    const scenario = await restoreScenario({ database: db.database, ...slice });
    manifest = await scenario.backUp();
    setting = { scenario, db };
  });
  afterEach(() => db.drop());

  it('finds every table whole, and says what it leaves open', async () => {
    const proof = await prove(setting, manifest);
    expect(faultsOf(proof)).toEqual([]);
    expect(proof.tables.map(({ table }) => table)).toEqual(manifest.tables.map(printTable));
    expect(proof.notChecked.map(({ table, kind, name }) => `${table} ${kind} ${name}`)).toEqual([
      'public.item generated upper_label',
      'public.payment_2024 check payment_2024_paid_check',
      'public.booking unique booking_room_during_excl',
      'public.rank check rank_place_check',
      'public.item foreign-key item_city_fkey',
    ]);
    await expectNoTrace(db);
  });

  it('a row that has lost the one through which it belongs to the slice is found', async () => {
    const rowsOf = async function* (table: ManifestTable) {
      // The first payment's item, away from the backup.
      for await (const batch of setting.scenario.repository.readRows(table)) {
        const lines = [...linesOf(batch)];
        yield* batchesOfLines(table.name === 'item' ? lines.slice(1) : lines);
      }
    };
    const tables = manifest.tables.map((table) => (table.name === 'item' ? { ...table, rows: table.rows - 1 } : table));
    const proof = await prove(setting, { ...manifest, tables }, { rowsOf });
    expect(faultsOf(proof)).toMatchObject([
      { table: 'public.payment', kind: 'foreign-key' },
      { table: 'public.payment_2024', kind: 'foreign-key' },
    ]);
    expect(proof.tables.find(({ table }) => table === 'public.payment')).toMatchObject({ matches: true });
  });

  it('a row that points at one of another implementation is no fault, and is said', async () => {
    await db.query(
      `UPDATE staff SET boss = (SELECT min(id) FROM staff WHERE shop = 2) WHERE id = (SELECT min(id) FROM staff WHERE shop = 1)`,
    );
    const proof = await prove(setting, await setting.scenario.backUp());
    expect(faultsOf(proof)).toEqual([]);
    expect(proof.notChecked.find(({ name }) => name === 'staff_boss_fkey')?.detail).toContain('outside of the backup');
  });

  it('holds no lock on a table of the application, so that a migration runs beside it', async () => {
    const locks: unknown[] = [];
    let altered = 0;
    await db.query(`SET lock_timeout = '2s'`);
    const proof = await prove(setting, manifest, {
      rowsOf: async function* (table) {
        if (altered++ % 4 === 0)
          await db.query(
            'ALTER TABLE item ADD COLUMN IF NOT EXISTS more int DEFAULT 7, ALTER COLUMN label SET NOT NULL',
          );
        if (table.name === 'rank') await db.query('DROP TABLE rank; TRUNCATE slot');
        locks.push(
          ...(
            await db.query(`
            SELECT c.relname, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
            JOIN pg_stat_activity a ON a.pid = l.pid AND a.application_name = 'cofre proof'
            WHERE c.relnamespace = 'public'::regnamespace`)
          ).rows,
        );
        yield* setting.scenario.repository.readRows(table);
      },
    });
    expect(locks).toEqual([]);
    expect(faultsOf(proof)).toEqual([]);
    await expectNoTrace(db);
  });

  it('waits for no table that a migration keeps locked; that is as if it were not there', async () => {
    const client = await db.database.connect();
    await client.query('BEGIN; LOCK TABLE staff, item IN ACCESS EXCLUSIVE MODE');
    const proof = await prove(setting, manifest);
    await client.query('ROLLBACK');
    await client.end();
    expect(faultsOf(proof)).toEqual([]);
  });

  it('a label that is renamed while the rows are on their way is no fault', async () => {
    const proof = await prove(setting, manifest, {
      onStep: ({ phase, table }) => {
        if (phase === 'verify' || !table.includes('elf')) return;
        // Before the next statement of the proof: it is sent when this has been.
        renaming ??= db.query(`ALTER TYPE mood RENAME VALUE 'good' TO 'fine'`);
      },
      rowsOf: async function* (table) {
        yield* setting.scenario.repository.readRows(table);
        await renaming;
      },
    });
    expect(faultsOf(proof)).toEqual([]);
    expect(proof.notChecked.filter(({ kind }) => kind === 'type')).toMatchObject([{ name: 'color' }]);
  });
  let renaming: Promise<unknown> | null = null;
  afterEach(() => {
    renaming = null;
  });

  it('an event trigger that refuses new tables says nothing about the backup', async () => {
    const role = `r_${randomUUID().replaceAll('-', '')}`;
    const { name } = (await db.query('SELECT current_database() AS name')).rows[0];
    await db.query(`
      CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no new tables here'; END $$;
      CREATE EVENT TRIGGER refuse ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION refuse();
      CREATE ROLE ${role} LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA "Ünit 📦" TO ${role};
      GRANT CREATE ON DATABASE ${name} TO ${role}`);
    const url = new URL(db.url);
    [url.username, url.password] = [role, 'secret'];
    const database = databaseFromUrl(url.href);
    await expect(prove(setting, manifest, { database })).rejects.toMatchObject({ code: 'database/failed' });
    await expectNoTrace(db);
    await db.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  it('runs no trigger of the application, not even those for new tables, and moves no sequence', async () => {
    await db.query(`
      CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no new tables here'; END $$;
      CREATE EVENT TRIGGER refuse ON ddl_command_end EXECUTE FUNCTION refuse();
      ALTER EVENT TRIGGER refuse ENABLE`);
    const state = () =>
      db.query(
        `SELECT (SELECT count(*) FROM audit) AS audit, (SELECT string_agg(last_value::text, ' ' ORDER BY sequencename) FROM pg_sequences) AS sequences`,
      );
    const before = (await state()).rows;
    expect(faultsOf(await prove(setting, manifest))).toEqual([]);
    expect((await state()).rows).toEqual(before);
  });

  it.each([
    ['is cancelled', 'pg_cancel_backend', 'database/failed'],
    ['loses its connection', 'pg_terminate_backend', 'database/connection-lost'],
  ])('says nothing about the backup where it %s', async (_what, end, code) => {
    const ending = `SELECT ${end}(pid) FROM pg_stat_activity WHERE application_name = 'cofre proof' AND datname = current_database()`;
    const rowsOf = async function* (table: ManifestTable) {
      // What reaches a session between two statements is forgotten, so it is said more than once.
      if (table.name === 'item') for (let time = 0; time < 10; time++) await db.query(ending).then(() => sleep(10));
      yield* setting.scenario.repository.readRows(table);
    };
    await expect(prove(setting, manifest, { rowsOf })).rejects.toMatchObject({ code });
    await expectNoTrace(db);
  });

  it('is interrupted by its signal, at whatever moment', async () => {
    for (const moment of ['shop', 'payment', 'log']) {
      const controller = new AbortController();
      const onStep = ({ table }: { table: string }) => {
        if (table === `public.${moment}`) controller.abort();
      };
      const error = await prove(setting, manifest, { signal: controller.signal, onStep }).catch((it: unknown) => it);
      expect(isCofreError(error, 'backup/interrupted'), String(error)).toBe(true);
      await expectNoTrace(db);
    }
  });

  it('is for ordinary roles that may make a schema; another is told so, before and after', async () => {
    const role = `r_${randomUUID().replaceAll('-', '')}`;
    const { name } = (await db.query('SELECT current_database() AS name')).rows[0];
    await db.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA public, "Ünit 📦" TO ${role};
      GRANT SELECT ON ALL TABLES IN SCHEMA public, "Ünit 📦" TO ${role}; REVOKE CREATE ON DATABASE ${name} FROM PUBLIC`);
    const url = new URL(db.url);
    [url.username, url.password] = [role, 'secret'];
    const database = databaseFromUrl(url.href);
    const refusal = { code: 'database/not-permitted', hint: expect.stringContaining('GRANT CREATE ON DATABASE') };
    await expect(requireScratchRight(database)).rejects.toMatchObject(refusal);
    await expect(prove(setting, manifest, { database })).rejects.toMatchObject(refusal);
    await db.query(`GRANT CREATE ON DATABASE ${name} TO ${role}`);
    await requireScratchRight(database);
    expect(faultsOf(await prove(setting, manifest, { database }))).toEqual([]);
    await expectNoTrace(db);
    await db.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  it('counts its steps over all tables', async () => {
    const last = { apply: 0, verify: 0 };
    const { rows } = manifest.stats;
    await prove(setting, manifest, {
      onStep: ({ phase, rows: done }) => {
        expect(done).toBeGreaterThanOrEqual(last[phase]);
        last[phase] = done;
      },
    });
    expect(last).toEqual({ apply: rows, verify: rows });
  });
});
