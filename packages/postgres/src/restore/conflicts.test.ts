import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { shopDefinition } from '../../../../tests/support/collect-rows.ts';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { type RestoreScenario, restoreScenario } from '../../../../tests/support/restore-scenario.ts';
import { databaseFromUrl } from '../session/database.ts';

type Tables = Parameters<typeof shopDefinition>[0];

describe.each(costlyTestServers())('what a plan finds before anything is written, on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await createTestDatabase(server);
  });
  afterAll(() => db.drop());
  beforeEach(() => db.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO public'));

  async function shops(sql: string, tables: Tables, role?: string): Promise<RestoreScenario> {
    await db.query(`CREATE TABLE shop (id int PRIMARY KEY); INSERT INTO shop VALUES (1), (2); ${sql}`);
    let { database } = db;
    if (role !== undefined) {
      const url = new URL(db.url);
      url.username = role;
      url.password = '';
      database = databaseFromUrl(url.href);
    }
    return restoreScenario({ database, definition: shopDefinition(tables), rootKey: { id: 1 } });
  }

  async function conflictsAfter(scenario: RestoreScenario, damage: string): Promise<string[]> {
    const manifest = await scenario.backUp();
    await db.query(damage);
    const plan = await scenario.plan(manifest);
    const conflicts = plan.tables.flatMap((table) =>
      table.conflicts.map(({ kind, count, detail }) => `${table.name} ${kind} ${count}: ${detail}`),
    );
    expect(plan.applicable).toBe(conflicts.length === 0);
    if (conflicts.length === 0) {
      await scenario.apply(plan, manifest);
    } else {
      const code = conflicts.every((conflict) => conflict.includes(' triggers ')) ? 'plan/triggers' : 'plan/conflicts';
      await expect(scenario.apply(plan, manifest)).rejects.toMatchObject({ code });
    }
    return conflicts;
  }

  describe('a row that moved to another slice', () => {
    const ITEMS = `CREATE TABLE item (id int PRIMARY KEY, shop int NOT NULL, label text);
      INSERT INTO item SELECT i, 1 + i % 2, 'item ' || i FROM generate_series(1, 40) i;`;

    it('is a conflict that names where it is now', async () => {
      const scenario = await shops(ITEMS, ['public.item']);
      expect(await conflictsAfter(scenario, 'UPDATE item SET shop = 2 WHERE id IN (4, 6)')).toEqual([
        'item moved 2: rows of the backup live outside the slice now: 2 with shop = 2',
      ]);
    });

    it.each([
      ['when the outside is read once', 40],
      ['when each row is looked up', 1_000_000],
    ])('is found in ranges that are put back whole, %s', async (_, outside) => {
      const scenario = await shops(ITEMS, ['public.item']);
      const damage = `UPDATE item SET shop = 2 WHERE id = 4; DELETE FROM item WHERE shop = 1; ANALYZE item;
        UPDATE pg_class SET reltuples = ${outside} WHERE relname = 'item'`;
      expect(await conflictsAfter(scenario, damage)).toHaveLength(1);
      expect((await db.query('SELECT count(*)::int AS n FROM item WHERE shop = 1')).rows).toEqual([{ n: 0 }]);
    });

    it('is none where the scope is part of the key', async () => {
      const scenario = await shops(
        `CREATE TABLE item (shop int, id int, label text, PRIMARY KEY (shop, id));
         INSERT INTO item SELECT s, i, 'x' FROM generate_series(1, 2) s, generate_series(1, 40) i;`,
        ['public.item'],
      );
      expect(await conflictsAfter(scenario, 'DELETE FROM item WHERE shop = 1')).toEqual([]);
      expect((await db.query('SELECT count(*)::int AS n FROM item')).rows).toEqual([{ n: 80 }]);
    });

    it('is found through a parent that is not restored with it', async () => {
      const scenario = await shops(
        `CREATE TABLE box (id int PRIMARY KEY, shop int); CREATE TABLE item (id int PRIMARY KEY, box int, label text);
         INSERT INTO box VALUES (1, 1), (2, 1), (3, 2); INSERT INTO item SELECT i, 1 + i % 3, 'x' FROM generate_series(1, 30) i;`,
        ['public.box', { table: 'public.item', role: 'data', scope: { parent: 'public.box', columns: { box: 'id' } } }],
      );
      const manifest = await scenario.backUp();
      await db.query('DELETE FROM item WHERE box = 2; UPDATE box SET shop = 2 WHERE id = 2');
      const plan = await scenario.plan(manifest, { tables: ['item'] });
      expect(plan.tables.map(({ conflicts }) => conflicts.map(({ kind }) => kind))).toEqual([['moved']]);
      await db.query('DELETE FROM item; UPDATE box SET shop = 2 WHERE id = 2');
      const whole = await scenario.plan(manifest, { tables: ['item'] });
      expect(whole.tables[0]?.wholeRanges).toEqual([0]);
      expect(whole.tables.map(({ conflicts }) => conflicts.map(({ kind }) => kind))).toEqual([['moved']]);
    });

    it('through a parent that is gone says so, and restoring the parent first brings it back', async () => {
      const scenario = await shops(
        `CREATE TABLE box (id int PRIMARY KEY, shop int); CREATE TABLE item (id int PRIMARY KEY, box int, label text);
         INSERT INTO box VALUES (1, 1), (2, 1); INSERT INTO item SELECT i, 1 + i % 2, 'x' FROM generate_series(1, 9) i;`,
        ['public.box', { table: 'public.item', role: 'data', scope: { parent: 'public.box', columns: { box: 'id' } } }],
      );
      const manifest = await scenario.backUp();
      await db.query('DELETE FROM box WHERE id = 2');
      const plan = await scenario.plan(manifest);
      expect(plan.tables.flatMap(({ conflicts }) => conflicts)).toEqual([
        {
          kind: 'moved',
          count: 5,
          detail: `rows of the backup live outside the slice now: what they belong to through "box" is gone or another's`,
        },
      ]);
      await scenario.apply(await scenario.plan(manifest, { tables: ['public.box'] }), manifest);
      const then = await scenario.plan(manifest);
      expect(then.tables.map(({ inserts, updates, conflicts }) => [inserts, updates, conflicts.length])).toEqual([
        [0, 0, 0],
        [0, 0, 0],
      ]);
    });
  });

  describe('a value that must be unique and is held by another row', () => {
    const held = (constraint: string) => `
      CREATE EXTENSION IF NOT EXISTS btree_gist;
      CREATE TABLE item (id int PRIMARY KEY, shop int NOT NULL, code text, active bool DEFAULT true, spot int, during int4range);
      ${constraint}
      INSERT INTO item VALUES (1, 1, 'a', true, 1, '[1,5)'), (2, 1, 'b', true, 2, '[5,9)'), (3, 2, 'c', true, 3, '[9,12)'), (4, 1, NULL, true, 4, NULL);`;

    it.each([
      ['a plain constraint', 'ALTER TABLE item ADD UNIQUE (code);', `'a'`],
      ['an expression', 'CREATE UNIQUE INDEX ON item (lower(code));', `'A'`],
      ['a partial index', 'CREATE UNIQUE INDEX ON item (code) WHERE active;', `'a'`],
      ['two columns', 'ALTER TABLE item ADD UNIQUE (code, active);', `'a'`],
      ['a deferrable constraint', 'ALTER TABLE item ADD UNIQUE (code) DEFERRABLE INITIALLY DEFERRED;', `'a'`],
    ])('is a conflict under %s', async (_, constraint, value) => {
      const scenario = await shops(held(constraint), ['public.item']);
      const taken = `DELETE FROM item WHERE id = 1; UPDATE item SET code = ${value} WHERE id = 3`;
      expect(await conflictsAfter(scenario, taken)).toEqual([
        expect.stringMatching(/^item unique 1: another row holds what must be unique under item_/),
      ]);
    });

    it('is a conflict under an exclusion constraint', async () => {
      const scenario = await shops(held('ALTER TABLE item ADD EXCLUDE USING gist (active WITH =, during WITH &&);'), [
        'public.item',
      ]);
      const overlap = `DELETE FROM item WHERE id = 1; UPDATE item SET during = '[2,3)' WHERE id = 3`;
      expect(await conflictsAfter(scenario, overlap)).toEqual([expect.stringMatching(/^item unique 1/)]);
    });

    it('is a conflict under NULLS NOT DISTINCT', async () => {
      const scenario = await shops(held('ALTER TABLE item ADD UNIQUE NULLS NOT DISTINCT (code);'), ['public.item']);
      const taken = `DELETE FROM item WHERE id = 4; UPDATE item SET code = NULL WHERE id = 3`;
      expect(await conflictsAfter(scenario, taken)).toEqual([expect.stringMatching(/^item unique 1/)]);
    });

    it('is a conflict with a row of the slice that was made later', async () => {
      const scenario = await shops(held('ALTER TABLE item ADD UNIQUE (code);'), ['public.item']);
      const taken = `DELETE FROM item WHERE id = 1; INSERT INTO item VALUES (9, 1, 'a')`;
      expect(await conflictsAfter(scenario, taken)).toEqual([expect.stringMatching(/^item unique 1/)]);
    });

    it('is a conflict in ranges that are put back whole', async () => {
      const scenario = await shops(held('ALTER TABLE item ADD UNIQUE (code);'), ['public.item']);
      const taken = `DELETE FROM item WHERE shop = 1; UPDATE item SET code = 'b' WHERE id = 3`;
      expect(await conflictsAfter(scenario, taken)).toEqual([expect.stringMatching(/^item unique 1/)]);
    });

    it('is none where the index does not concern the row', async () => {
      const scenario = await shops(held('CREATE UNIQUE INDEX ON item (code) WHERE active;'), ['public.item']);
      const aside = `DELETE FROM item WHERE id = 1; UPDATE item SET code = 'a', active = false WHERE id = 3`;
      expect(await conflictsAfter(scenario, aside)).toEqual([]);
    });

    it('is none where the plan itself takes it from that row', async () => {
      const scenario = await shops(held('ALTER TABLE item ADD UNIQUE (code);'), ['public.item']);
      expect(
        await conflictsAfter(scenario, `DELETE FROM item WHERE id = 1; UPDATE item SET code = 'a' WHERE id = 2`),
      ).toEqual([]);
      expect((await db.query('SELECT id, code FROM item ORDER BY id')).rows).toEqual([
        { id: 1, code: 'a' },
        { id: 2, code: 'b' },
        { id: 3, code: 'c' },
        { id: 4, code: null },
      ]);
    });
  });

  describe('values that rows exchanged', () => {
    const exchange = (type: string, values: readonly [string, string, string], constraint = 'UNIQUE') => `
      CREATE TABLE item (id int PRIMARY KEY, shop int NOT NULL, code ${type} ${constraint}, other int DEFAULT 0);
      INSERT INTO item VALUES (1, 1, ${values[0]}), (2, 1, ${values[1]}), (3, 1, ${values[2]}), (4, 2, DEFAULT);`;
    it.each([
      ['text that may be NULL', 'text', [`'a'`, `'b'`, `'c'`]],
      ['text that may not', `text NOT NULL DEFAULT 'z'`, [`'a'`, `'b'`, `'c'`]],
      ['numbers', 'int2 NOT NULL DEFAULT 99', ['1', '2', '3']],
      [
        'uuids',
        `uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000009'`,
        [1, 2, 3].map((n) => `'00000000-0000-0000-0000-00000000000${n}'`),
      ],
    ] as const)('go through a second step: %s', async (_, type, values) => {
      const scenario = await shops(exchange(type, values as unknown as [string, string, string]), ['public.item']);
      const before = (await db.query('SELECT * FROM item ORDER BY id')).rows;
      const constraint = 'item_code_key';
      const damage = `ALTER TABLE item DROP CONSTRAINT ${constraint};
        UPDATE item SET code = CASE id WHEN 1 THEN ${values[1]} WHEN 2 THEN ${values[2]} ELSE ${values[0]} END${type.startsWith('uuid') ? '::uuid' : ''} WHERE shop = 1;
        ALTER TABLE item ADD CONSTRAINT ${constraint} UNIQUE (code)`;
      expect(await conflictsAfter(scenario, damage)).toEqual([]);
      expect((await db.query('SELECT * FROM item ORDER BY id')).rows).toEqual(before);
    });

    it('go through a second step where only one column of the index is parked and another was changed', async () => {
      const scenario = await shops(
        `CREATE TABLE item (id int PRIMARY KEY, shop int NOT NULL, x int, y int NOT NULL, UNIQUE (x, y));
         INSERT INTO item VALUES (1, 1, 7, 1), (2, 1, 7, 2)`,
        ['public.item'],
      );
      const damage = `UPDATE item SET y = 3 WHERE id = 1; UPDATE item SET y = 1 WHERE id = 2; UPDATE item SET y = 2 WHERE id = 1`;
      expect(await conflictsAfter(scenario, damage)).toEqual([]);
      expect((await db.query('SELECT * FROM item ORDER BY id')).rows).toEqual([
        { id: 1, shop: 1, x: 7, y: 1 },
        { id: 2, shop: 1, x: 7, y: 2 },
      ]);
    });

    it('are a conflict where no column can hold something else meanwhile', async () => {
      const scenario = await shops(
        exchange('text', [`'a'`, `'b'`, `'c'`], `CHECK (code IN ('a', 'b', 'c', 't')) NOT NULL UNIQUE DEFAULT 't'`),
        ['public.item'],
      );
      const damage = `UPDATE item SET code = 't' WHERE id = 4; DELETE FROM item WHERE id = 4; UPDATE item SET code = 't' WHERE id = 1;
        UPDATE item SET code = 'a' WHERE id = 2; UPDATE item SET code = 'b' WHERE id = 1`;
      expect(await conflictsAfter(scenario, damage)).toEqual([
        'item unique 1: rows exchange values under "item_code_key", and no column can hold something else meanwhile',
      ]);
    });

    it('are no matter under a deferrable constraint', async () => {
      const scenario = await shops(exchange('text', [`'a'`, `'b'`, `'c'`], 'UNIQUE DEFERRABLE'), ['public.item']);
      const damage = `UPDATE item SET code = CASE code WHEN 'a' THEN 'b' ELSE 'a' END WHERE id IN (1, 2)`;
      expect(await conflictsAfter(scenario, damage)).toEqual([]);
      expect((await db.query('SELECT code FROM item WHERE shop = 1 ORDER BY id')).rows.map(({ code }) => code)).toEqual(
        ['a', 'b', 'c'],
      );
    });
  });

  describe('parents', () => {
    const FAMILY = `CREATE TABLE film (id int PRIMARY KEY); INSERT INTO film SELECT generate_series(1, 10);
      CREATE TABLE box (id int PRIMARY KEY, shop int REFERENCES shop); INSERT INTO box VALUES (1, 1), (2, 1), (3, 2);
      CREATE TABLE item (id int PRIMARY KEY, box int REFERENCES box, film int REFERENCES film, sibling int REFERENCES item);
      INSERT INTO item SELECT i, 1 + i % 3, 1 + i % 10, CASE WHEN i > 3 THEN i - 3 END FROM generate_series(1, 60) i;`;
    const TABLES: Tables = [
      'public.box',
      { table: 'public.item', role: 'data', scope: { parent: 'public.box', columns: { box: 'id' } } },
    ];

    it('outside that no longer exist are a conflict', async () => {
      const scenario = await shops(FAMILY, TABLES);
      const damage =
        'DELETE FROM item WHERE film = 4 OR sibling IN (SELECT id FROM item WHERE film = 4); DELETE FROM film WHERE id = 4';
      const cut = `ALTER TABLE item DROP CONSTRAINT item_sibling_fkey; ${damage}`;
      expect(await conflictsAfter(scenario, cut)).toEqual([
        'item parent-missing 1: a row of public.film that film points at no longer exists',
      ]);
    });

    it('outside that no longer exist are a conflict of ranges that are put back whole', async () => {
      const scenario = await shops(FAMILY, TABLES);
      const damage = 'DELETE FROM item; DELETE FROM film WHERE id IN (4, 5)';
      expect(await conflictsAfter(scenario, damage)).toEqual([
        'item parent-missing 2: 2 rows of public.film that film points at no longer exist',
      ]);
    });

    it('that the plan itself puts back are none, row by row or in whole ranges', async () => {
      const scenario = await shops(FAMILY, TABLES);
      expect(await conflictsAfter(scenario, 'DELETE FROM item; DELETE FROM box WHERE shop = 1')).toEqual([]);
      expect((await db.query('SELECT count(*)::int AS n FROM item')).rows).toEqual([{ n: 40 }]);
      expect(
        await conflictsAfter(scenario, 'DELETE FROM item WHERE sibling IS NOT NULL; DELETE FROM item WHERE id = 2'),
      ).toEqual([]);
    });

    it('within the slice that are left out of the selection are a conflict', async () => {
      const scenario = await shops(FAMILY, TABLES);
      const manifest = await scenario.backUp();
      await db.query('DELETE FROM item; DELETE FROM box WHERE id = 2');
      const plan = await scenario.plan(manifest, { tables: ['public.item'] });
      expect(plan.tables.flatMap(({ conflicts }) => conflicts.map(({ kind }) => kind)).sort()).toEqual([
        'moved',
        'parent-missing',
      ]);
    });

    it('of which an update would change what others point at, who stay as they are, are a conflict', async () => {
      const scenario = await shops(
        `CREATE TABLE box (id int PRIMARY KEY, shop int, code text UNIQUE); INSERT INTO box VALUES (1, 1, 'a');
         CREATE TABLE note (id int PRIMARY KEY, code text REFERENCES box (code) ON UPDATE CASCADE);`,
        ['public.box'],
      );
      expect(await conflictsAfter(scenario, `UPDATE box SET code = 'b'; INSERT INTO note VALUES (1, 'b')`)).toEqual([
        'box parent-missing 1: a row of public.note points at what would be taken away (note_code_fkey)',
      ]);
    });

    it('whose changed value the plan changes back in rows that follow are none', async () => {
      const scenario = await shops(
        `CREATE TABLE box (id int PRIMARY KEY, shop int, code text UNIQUE); INSERT INTO box VALUES (1, 1, 'a');
         CREATE TABLE note (id int PRIMARY KEY, shop int, code text REFERENCES box (code) ON UPDATE CASCADE);
         INSERT INTO note VALUES (1, 1, 'a');`,
        ['public.box', 'public.note'],
      );
      expect(await conflictsAfter(scenario, `UPDATE box SET code = 'b'`)).toEqual([]);
      expect((await db.query('SELECT code FROM note')).rows).toEqual([{ code: 'a' }]);
    });
  });

  describe('drift of the schema', () => {
    const ITEMS = `CREATE TYPE mood AS ENUM ('good', 'bad');
      CREATE TABLE item (id int PRIMARY KEY, shop int NOT NULL, label varchar(20), mood mood, size int, note text);
      INSERT INTO item SELECT i, 1 + i % 2, 'item ' || i, 'good', i, 'n' FROM generate_series(1, 40) i;`;
    const damaged = `DELETE FROM item WHERE id < 7; UPDATE item SET label = 'x' WHERE id < 20;`;

    it('a new column takes its default and a dropped one is left out, and both are said', async () => {
      const scenario = await shops(ITEMS, ['public.item']);
      const manifest = await scenario.backUp();
      await db.query(`${damaged} ALTER TABLE item DROP COLUMN note, ADD COLUMN extra text NOT NULL DEFAULT 'new'`);
      const plan = await scenario.plan(manifest);
      expect(plan.drift.map(({ column, kind }) => `${column} ${kind}`)).toEqual(['note dropped', 'extra new']);
      await scenario.apply(plan, manifest);
      const { rows } = await db.query(
        `SELECT count(*)::int AS n FROM item WHERE extra = 'new' AND label = 'item ' || id AND size = id AND shop = 1`,
      );
      expect(rows).toEqual([{ n: 20 }]);
    });

    it('values are cast to a changed type, and compared as they read there', async () => {
      const scenario = await shops(ITEMS, ['public.item']);
      const manifest = await scenario.backUp();
      await db.query(`ALTER TABLE item ALTER size TYPE numeric(10,3), ALTER id TYPE int8; ${damaged}`);
      const plan = await scenario.plan(manifest);
      expect(plan.tables.map(({ inserts, updates }) => ({ inserts, updates }))).toEqual([{ inserts: 3, updates: 6 }]);
      expect(plan.drift.map(({ column, kind }) => `${column} ${kind}`)).toEqual(['id type', 'size type']);
      await scenario.apply(plan, manifest);
      expect((await db.query('SELECT size::text FROM item WHERE id = 2')).rows).toEqual([{ size: '2.000' }]);
    });

    it.each([
      ['a shorter type', `ALTER TABLE item ALTER label TYPE varchar(6) USING 'short'`, 'does not fit "label"'],
      ['a label that an enum lost', `ALTER TYPE mood RENAME VALUE 'good' TO 'fine'`, 'does not fit "mood"'],
      ['a new check', `ALTER TABLE item ADD CHECK (size > 3) NOT VALID`, 'break the check item_size_check'],
      [
        'a new NOT NULL column',
        `ALTER TABLE item ADD extra int; UPDATE item SET extra = 1; ALTER TABLE item ALTER extra SET NOT NULL`,
        'extra is new, NOT NULL and has no default',
      ],
      ['another kind of key', `ALTER TABLE item ALTER id TYPE text`, 'is of another kind of type now: text'],
      ['a key that is gone', `ALTER TABLE item DROP CONSTRAINT item_pkey`, 'no longer tells rows apart'],
    ])('that a value does not survive is a conflict: %s', async (_, change, detail) => {
      const scenario = await shops(ITEMS, ['public.item']);
      const found = await conflictsAfter(scenario, `DELETE FROM item WHERE id < 7; ${change}`);
      expect(found).toEqual([expect.stringContaining('item drift')]);
      expect(found[0]).toContain(detail);
    });

    it('another primary key is no matter where the old key is still unique', async () => {
      const scenario = await shops(ITEMS, ['public.item']);
      const change = `ALTER TABLE item ALTER size SET NOT NULL, ADD UNIQUE (id), ALTER id SET NOT NULL;
        ALTER TABLE item DROP CONSTRAINT item_pkey, ADD PRIMARY KEY (size); ALTER TABLE item ALTER id SET NOT NULL;`;
      expect(await conflictsAfter(scenario, `${change} ${damaged}`)).toEqual([]);
      expect(
        (await db.query(`SELECT count(*)::int AS n FROM item WHERE shop = 1 AND label = 'item ' || id`)).rows,
      ).toEqual([{ n: 20 }]);
    });
  });

  describe('what cannot be written', () => {
    const ITEMS = `CREATE TABLE item (id int PRIMARY KEY, shop int NOT NULL, label text, n int GENERATED ALWAYS AS IDENTITY);
      INSERT INTO item SELECT i, 1 + i % 2, 'item ' || i FROM generate_series(1, 10) i;
      CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.label := 'meddled'; RETURN NEW; END $$;`;

    it('a GENERATED ALWAYS column that differs', async () => {
      const scenario = await shops(ITEMS, ['public.item']);
      expect(await conflictsAfter(scenario, 'UPDATE item SET n = DEFAULT WHERE id = 2')).toEqual([
        'item generated 1: n is GENERATED ALWAYS and cannot be set back',
      ]);
    });

    it('is no hindrance to inserting such a column', async () => {
      const scenario = await shops(ITEMS, ['public.item']);
      expect(await conflictsAfter(scenario, 'DELETE FROM item WHERE id = 2')).toEqual([]);
      expect((await db.query('SELECT n FROM item WHERE id = 2')).rows).toEqual([{ n: 2 }]);
    });

    it.each(['ALWAYS', 'REPLICA'])('a trigger that is enabled %s beside one that must be bypassed', async (mode) => {
      const triggers = `CREATE TRIGGER usual BEFORE INSERT OR UPDATE ON item FOR EACH ROW EXECUTE FUNCTION meddle();
        CREATE TRIGGER stubborn BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION meddle();
        ALTER TABLE item ENABLE ${mode} TRIGGER stubborn;`;
      const scenario = await shops(ITEMS + triggers, ['public.item']);
      expect(await conflictsAfter(scenario, 'DELETE FROM item WHERE id = 2')).toEqual([
        'item triggers 1: trigger "stubborn" would fire in every mode',
      ]);
    });

    it('a table with a trigger and a deferrable constraint, which could not be enforced without it', async () => {
      const both = `ALTER TABLE item ADD UNIQUE (label) DEFERRABLE;
        CREATE TRIGGER usual BEFORE INSERT OR UPDATE ON item FOR EACH ROW EXECUTE FUNCTION meddle();`;
      const scenario = await shops(ITEMS + both, ['public.item']);
      expect(await conflictsAfter(scenario, 'DELETE FROM item WHERE id = 2')).toEqual([
        expect.stringContaining('item_label_key" is deferrable'),
      ]);
    });

    it('a table with a trigger, for a role that may not bypass it; without the trigger it may', async () => {
      const role = `r_${server.name}_${process.pid}`;
      const rights = `CREATE ROLE ${role} LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role};
        CREATE TRIGGER usual BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION meddle();`;
      try {
        const scenario = await shops(ITEMS + rights, ['public.item'], role);
        expect(await conflictsAfter(scenario, 'DELETE FROM item WHERE id = 2')).toEqual([
          'item triggers 1: trigger "usual": this role may not set session_replication_role',
        ]);
        expect(await conflictsAfter(scenario, `UPDATE item SET label = 'x' WHERE id = 4`)).toEqual([]);
      } finally {
        await db.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      }
    });

    it('a table on which the role lacks a privilege', async () => {
      const role = `p_${server.name}_${process.pid}`;
      const rights = `CREATE ROLE ${role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role};`;
      try {
        const scenario = await shops(ITEMS + rights, ['public.item'], role);
        expect(await conflictsAfter(scenario, `DELETE FROM item WHERE id = 2; UPDATE item SET label = 'x'`)).toEqual([
          'item unsupported 1: this role lacks INSERT, UPDATE',
        ]);
      } finally {
        await db.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      }
    });
  });

  it('rows of a table with no key that were changed come back beside their newer version, and that is said', async () => {
    const scenario = await shops(
      `CREATE TABLE log (shop int, at timestamptz, what jsonb, spot point);
       INSERT INTO log SELECT 1 + i % 2, '2025-01-01', jsonb_build_object('n', i % 6), point(i % 6, 0) FROM generate_series(1, 60) i;
       INSERT INTO log VALUES (1, NULL, NULL, NULL), (1, NULL, NULL, NULL)`,
      ['public.log'],
    );
    const manifest = await scenario.backUp();
    const before = (await db.query('SELECT t::text FROM log t ORDER BY 1')).rows;
    await db.query(`DELETE FROM log WHERE ctid IN (SELECT ctid FROM log WHERE what->>'n' = '4' LIMIT 3);
      DELETE FROM log WHERE ctid = (SELECT ctid FROM log WHERE what IS NULL LIMIT 1);
      UPDATE log SET at = '2026-01-01' WHERE ctid = (SELECT ctid FROM log WHERE what->>'n' = '2' LIMIT 1)`);
    const damaged = (await db.query('SELECT t::text FROM log t ORDER BY 1')).rows;
    const plan = await scenario.plan(manifest);
    expect(plan.tables.map(({ inserts, updates, kept }) => ({ inserts, updates, kept }))).toEqual([
      { inserts: 5, updates: 0, kept: 1 },
    ]);
    expect(plan.warnings).toEqual([
      'public.log: a row made later stays',
      'public.log has no key: a row that was changed comes back beside its newer version',
    ]);
    await scenario.apply(plan, manifest);
    const after = (await db.query('SELECT t::text FROM log t ORDER BY 1')).rows.map(({ t }) => t);
    expect(after.filter((row) => !row.includes('2026'))).toEqual(before.map(({ t }) => t));
    const undo = await scenario.undo(plan, manifest);
    await scenario.apply(undo, manifest);
    expect((await db.query('SELECT t::text FROM log t ORDER BY 1')).rows).toEqual(damaged);
  });
});
