import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { shopDefinition } from '../../../../tests/support/collect-rows.ts';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { type RestoreScenario, restoreScenario } from '../../../../tests/support/restore-scenario.ts';
import { databaseFromUrl } from '../session/database.ts';
import type { Database } from '../session/types.ts';

type Tables = Parameters<typeof shopDefinition>[0];

describe.each(costlyTestServers())('what an apply proves before it commits, on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await createTestDatabase(server);
  });
  afterAll(() => db.drop());
  beforeEach(() => db.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO public'));

  async function shops(sql: string, tables: Tables, database: Database = db.database): Promise<RestoreScenario> {
    await db.query(`CREATE TABLE shop (id int PRIMARY KEY); INSERT INTO shop VALUES (1), (2); ${sql}`);
    return restoreScenario({ database, definition: shopDefinition(tables), rootKey: { id: 1 } });
  }

  function loginAs(role: string): Database {
    const url = new URL(db.url);
    url.username = role;
    url.password = '';
    return databaseFromUrl(url.href);
  }

  const rowsOf = async (sql: string) => (await db.query(sql)).rows;

  /** A function that an index calls may do whatever it likes, in every mode. */
  const NOISY = (statement: string) => `
    CREATE TABLE audit (what text);
    CREATE FUNCTION noise(what text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN ${statement}; END $$;
    CREATE FUNCTION noisy(what text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM public.noise(what); RETURN what; END $$;`;

  describe('that nothing else was changed (I8)', () => {
    it('another table that was written to is named, and all is rolled back', async () => {
      const scenario = await shops(
        `${NOISY('INSERT INTO public.audit VALUES (what)')} CREATE TABLE item (id int PRIMARY KEY, shop int, label text);
         INSERT INTO item VALUES (1, 1, 'a'), (2, 1, 'b'); CREATE INDEX ON item (noisy(label)); TRUNCATE audit`,
        ['public.item'],
      );
      const manifest = await scenario.backUp();
      await db.query('DELETE FROM item WHERE id = 1');
      const plan = await scenario.plan(manifest);
      await expect(scenario.apply(plan, manifest)).rejects.toMatchObject({
        code: 'restore/side-effect',
        params: { table: 'public.audit' },
      });
      expect(await rowsOf('SELECT id FROM item')).toEqual([{ id: 2 }]);
      expect(await rowsOf('SELECT FROM audit')).toEqual([]);
    });

    it('so is a table of the plan of which more rows were changed than planned', async () => {
      const scenario = await shops(
        `${NOISY('UPDATE public.item SET n = n + 1 WHERE id = 3')} CREATE TABLE item (id int PRIMARY KEY, shop int, label text, n int DEFAULT 0);
         CREATE INDEX ON item (noisy(label)); INSERT INTO item VALUES (3, 2, 'other');  INSERT INTO item VALUES (1, 1, 'a'), (2, 1, 'b');`,
        ['public.item'],
      );
      const manifest = await scenario.backUp();
      await db.query('DELETE FROM item WHERE id = 1');
      const before = await rowsOf('SELECT * FROM item ORDER BY id');
      const plan = await scenario.plan(manifest);
      await expect(scenario.apply(plan, manifest)).rejects.toMatchObject({
        code: 'restore/side-effect',
        params: { table: 'public.item' },
      });
      expect(await rowsOf('SELECT * FROM item ORDER BY id')).toEqual(before);
    });

    it('a check that writes elsewhere is found in the plan already', async () => {
      const scenario = await shops(
        `${NOISY('INSERT INTO public.audit VALUES (what)')} CREATE TABLE item (id int PRIMARY KEY, shop int, label text CHECK (noisy(label) IS NOT NULL));
         INSERT INTO item VALUES (1, 1, 'a'), (2, 1, 'b'); TRUNCATE audit`,
        ['public.item'],
      );
      const manifest = await scenario.backUp();
      await db.query('DELETE FROM item WHERE id = 1');
      const plan = await scenario.plan(manifest);
      expect(plan.tables.flatMap(({ conflicts }) => conflicts)).toEqual([
        { kind: 'unsupported', count: 1, detail: 'a check or generated column of it writes to public.audit' },
      ]);
      expect(await rowsOf('SELECT FROM audit')).toEqual([]);
    });
  });

  it('that every row reads as it was promised: one that something changed is found, all is rolled back, suspects are named (I7)', async () => {
    const scenario = await shops(
      `${NOISY(`UPDATE public.box SET label = 'meddled' WHERE id = 1`)} CREATE TABLE box (id int PRIMARY KEY, shop int, label text);
       CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
       CREATE TRIGGER suspect BEFORE UPDATE ON box FOR EACH ROW EXECUTE FUNCTION nothing();
       CREATE TABLE item (id int PRIMARY KEY, shop int, label text);
       INSERT INTO box VALUES (1, 1, 'a'); INSERT INTO item VALUES (1, 1, 'a'); CREATE INDEX ON item (noisy(label));
       UPDATE box SET label = 'a'`,
      ['public.box', 'public.item'],
    );
    const manifest = await scenario.backUp();
    await db.query(`UPDATE box SET label = 'x'; UPDATE item SET label = 'x'; UPDATE box SET label = 'x'`);
    const plan = await scenario.plan(manifest);
    await expect(scenario.apply(plan, manifest)).rejects.toMatchObject({
      code: 'restore/verification-failed',
      params: { table: 'public.box', suspects: ['trigger "suspect"'] },
    });
    expect(await rowsOf('SELECT label FROM box UNION ALL SELECT label FROM item')).toEqual([
      { label: 'x' },
      { label: 'x' },
    ]);
  });

  describe('sequences (I9)', () => {
    const SEQUENCES = `
      CREATE TABLE a (id serial PRIMARY KEY, shop int);
      CREATE TABLE b (id bigint GENERATED ALWAYS AS IDENTITY (START 1000 INCREMENT BY 10) PRIMARY KEY, shop int);
      CREATE TABLE c (id int GENERATED BY DEFAULT AS IDENTITY (START -1 INCREMENT BY -1) PRIMARY KEY, shop int);
      CREATE SEQUENCE "Säquenz"; CREATE TABLE d (id numeric DEFAULT nextval('"Säquenz"') PRIMARY KEY, shop int);
      CREATE TABLE e (id serial PRIMARY KEY, shop int);
      ${['a', 'b', 'c', 'd', 'e'].map((table) => `INSERT INTO ${table} (shop) SELECT 1 + i % 2 FROM generate_series(1, 40) i;`).join('\n')}`;
    const tables = ['a', 'b', 'c', 'd', 'e'].map((table) => `public.${table}`);

    it('that are behind are moved on, others are left, and the next insert works in every table', async () => {
      const scenario = await shops(SEQUENCES, tables);
      const manifest = await scenario.backUp();
      // As a careless import leaves them; e has gone on in the meantime.
      await db.query(`TRUNCATE a, b, d RESTART IDENTITY; SELECT setval('"Säquenz"', 1, false); SELECT setval('c_id_seq', -1, false);
        DELETE FROM c WHERE id IN (-2, -20); DELETE FROM e WHERE id = 2; SELECT setval('e_id_seq', 500);
        INSERT INTO a VALUES (2147483647, 2), (60, 2)`);
      const plan = await scenario.plan(manifest);
      const { sequences } = await scenario.apply(plan, manifest);
      expect(sequences).toEqual([
        { sequence: 'public.a_id_seq', to: '60' },
        { sequence: 'public.b_id_seq', to: '1390' },
        { sequence: 'public.c_id_seq', to: '-40' },
        { sequence: 'public."Säquenz"', to: '40' },
      ]);
      const next = async (table: string) =>
        (await rowsOf(`INSERT INTO ${table} (shop) VALUES (2) RETURNING id::text`))[0].id;
      expect([await next('a'), await next('b'), await next('d'), await next('e')]).toEqual(['61', '1400', '41', '501']);
      expect((await rowsOf(`SELECT nextval('c_id_seq')::text AS id`))[0].id).toBe('-41');
    });

    it('never go back beside others who draw from them', async () => {
      const scenario = await shops(SEQUENCES, ['public.a']);
      const manifest = await scenario.backUp();
      await db.query(`TRUNCATE a RESTART IDENTITY`);
      const plan = await scenario.plan(manifest);
      const drawn: number[] = [];
      let stopped = false;
      const drawers = [1, 2].map(async () => {
        const client = await db.database.connect();
        while (!stopped) drawn.push((await client.query(`SELECT nextval('a_id_seq')::int AS n`)).rows[0].n);
        await client.end();
      });
      await scenario.apply(plan, manifest, { onStep: (step) => (step === 'recorded' ? sleep(20) : undefined) });
      stopped = true;
      await Promise.all(drawers);
      expect(new Set(drawn).size).toBe(drawn.length);
      const last = (await rowsOf(`SELECT nextval('a_id_seq')::int AS n`))[0].n;
      expect(last).toBeGreaterThan(Math.max(40, ...drawn));
    });

    it('that were drawn far ahead after they were looked at are not set back', async () => {
      const scenario = await shops(SEQUENCES, ['public.a']);
      const manifest = await scenario.backUp();
      await db.query(`TRUNCATE a RESTART IDENTITY`);
      const plan = await scenario.plan(manifest);
      const other = await db.database.connect();
      // Holds the sequence back until it has drawn; the restore waits for it, reads again and finds nothing to do.
      await other.query(`BEGIN; ALTER SEQUENCE a_id_seq INCREMENT BY 1; SELECT setval('a_id_seq', 7000)`);
      const { sequences, attempts } = await scenario.apply(plan, manifest, {
        attempts: 30,
        onStep: async (step) => {
          if (step === 'recorded') setTimeout(() => void other.query('COMMIT'), 60);
        },
      });
      expect({ sequences, attempts: attempts > 0 }).toEqual({ sequences: [], attempts: true });
      await other.end();
      expect(await rowsOf(`SELECT nextval('a_id_seq')::int AS n`)).toEqual([{ n: 7001 }]);
    });

    it('of others are moved on by drawing from them', async () => {
      const role = `q_${server.name}_${process.pid}`;
      try {
        const rights = `CREATE ROLE ${role} LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${role};`;
        const scenario = await shops(SEQUENCES + rights, tables, loginAs(role));
        const manifest = await scenario.backUp();
        await db.query(`TRUNCATE a, b RESTART IDENTITY; DELETE FROM c; SELECT setval('c_id_seq', -1, false)`);
        await scenario.apply(await scenario.plan(manifest), manifest);
        const next = async (name: string) => (await rowsOf(`SELECT nextval('${name}')::text AS n`))[0].n;
        expect([await next('a_id_seq'), await next('b_id_seq'), await next('c_id_seq')]).toEqual(['41', '1400', '-41']);
      } finally {
        await db.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      }
    });
  });

  describe('foreign keys', () => {
    const CIRCLE = (more = '') => `
      CREATE TABLE team (id int PRIMARY KEY, shop int, captain int ${more.includes('NOT NULL') ? 'NOT NULL' : ''});
      CREATE TABLE player (id int PRIMARY KEY, shop int, team int NOT NULL REFERENCES team ${more.includes('DEFER') ? 'DEFERRABLE' : ''});
      BEGIN; INSERT INTO team VALUES (1, 1, 10), (2, 1, 20), (3, 2, 30);
      INSERT INTO player SELECT t * 10 + i, 1 + t / 3, t FROM generate_series(1, 3) t, generate_series(0, 3) i;
      ALTER TABLE team ADD FOREIGN KEY (captain) REFERENCES player; COMMIT;`;
    const EMPTY = 'UPDATE team SET captain = 30; DELETE FROM player WHERE shop = 1; DELETE FROM team WHERE shop = 1';

    async function asRole<T>(work: (database: Database, rights: string) => Promise<T>): Promise<T> {
      const role = `f_${server.name}_${process.pid}`;
      try {
        return await work(
          loginAs(role),
          `CREATE ROLE ${role} LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role};`,
        );
      } finally {
        await db.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      }
    }

    it.each([
      ['a column that may be NULL', ''],
      ['a constraint that may be deferred', 'NOT NULL DEFER'],
    ])('that go round in a circle are broken, without any right to bypass them, by %s', async (_, more) => {
      await asRole(async (database, rights) => {
        const scenario = await shops(CIRCLE(more) + rights, ['public.team', 'public.player'], database);
        const before = await rowsOf('SELECT * FROM team t JOIN player p ON p.team = t.id ORDER BY p.id');
        const manifest = await scenario.backUp();
        await db.query(
          more === ''
            ? EMPTY
            : `ALTER TABLE team DISABLE TRIGGER ALL; ALTER TABLE player DISABLE TRIGGER ALL; ${EMPTY};
          UPDATE team SET captain = 30; ALTER TABLE team ENABLE TRIGGER ALL; ALTER TABLE player ENABLE TRIGGER ALL`,
        );
        const plan = await scenario.plan(manifest);
        expect(plan.tables.flatMap(({ conflicts }) => conflicts)).toEqual([]);
        await scenario.apply(plan, manifest);
        expect(await rowsOf('SELECT * FROM team t JOIN player p ON p.team = t.id ORDER BY p.id')).toEqual(before);
        // And the other way round.
        const undo = await scenario.undo(plan, manifest);
        expect(undo.tables.flatMap(({ conflicts }) => conflicts)).toEqual([]);
        await scenario.apply(undo, manifest);
        expect(await rowsOf('SELECT count(*)::int AS n FROM player')).toEqual([{ n: 4 }]);
      });
    });

    it('that go round in a circle nobody may break are a conflict', async () => {
      await asRole(async (database, rights) => {
        const scenario = await shops(CIRCLE('NOT NULL') + rights, ['public.team', 'public.player'], database);
        const manifest = await scenario.backUp();
        await db.query(`ALTER TABLE player DISABLE TRIGGER ALL; ${EMPTY}; ALTER TABLE player ENABLE TRIGGER ALL`);
        const plan = await scenario.plan(manifest);
        expect(plan.tables.map(({ conflicts }) => conflicts.map(({ kind }) => kind))).toEqual([
          ['unsupported'],
          ['unsupported'],
        ]);
      });
    });

    const PARENTS = `CREATE TABLE film (id int PRIMARY KEY); INSERT INTO film SELECT generate_series(1, 5);
      CREATE TABLE item (id int PRIMARY KEY, shop int, film int REFERENCES film, label text);
      INSERT INTO item SELECT i, 1, 1 + i % 5, 'x' FROM generate_series(1, 20) i;
      CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
      CREATE TRIGGER any_trigger BEFORE INSERT OR UPDATE ON item FOR EACH ROW EXECUTE FUNCTION nothing();`;

    it.each([
      ['some rows', 'DELETE FROM item WHERE film = 5'],
      ['whole ranges', 'DELETE FROM item'],
    ])(
      'that are bypassed with triggers are held all the same, for %s: a parent that goes away meanwhile makes it stale',
      async (_, damage) => {
        const scenario = await shops(PARENTS, ['public.item']);
        const manifest = await scenario.backUp();
        await db.query(damage);
        const plan = await scenario.plan(manifest);
        const remove = (step: string) => (step === 'locked' ? db.query('DELETE FROM film WHERE id = 5') : undefined);
        await expect(
          scenario.apply(plan, manifest, { onStep: async (step) => void (await remove(step)) }),
        ).rejects.toMatchObject({
          code: 'plan/stale',
        });
        expect(await rowsOf('SELECT count(*)::int AS n FROM item WHERE film = 5')).toEqual([{ n: 0 }]);
      },
    );

    it('that are bypassed with triggers keep parents from going away until the commit', async () => {
      const scenario = await shops(PARENTS, ['public.item']);
      const manifest = await scenario.backUp();
      await db.query('DELETE FROM item WHERE film = 5');
      const plan = await scenario.plan(manifest);
      const other = await db.database.connect();
      let outcome = '';
      let removing: Promise<void> | undefined;
      await scenario.apply(plan, manifest, {
        onStep: async (step) => {
          if (step !== 'written') return;
          removing = other.query('DELETE FROM film WHERE id = 5').then(
            () => void (outcome = 'deleted'),
            (error: unknown) => void (outcome = String(error)),
          );
          await sleep(100);
          expect(outcome).toBe('');
        },
      });
      await removing;
      await other.end();
      expect(outcome).toContain('violates foreign key constraint');
    });

    it('an undo does not take away what others have come to point at', async () => {
      const scenario = await shops(
        `CREATE TABLE box (id int PRIMARY KEY, shop int); INSERT INTO box VALUES (1, 1), (2, 1);
         CREATE TABLE note (id int PRIMARY KEY, box int REFERENCES box ON DELETE CASCADE)`,
        ['public.box'],
      );
      const manifest = await scenario.backUp();
      await db.query('DELETE FROM box WHERE id = 2');
      const plan = await scenario.plan(manifest);
      await scenario.apply(plan, manifest);
      const early = await scenario.undo(plan, manifest);
      expect(early.applicable).toBe(true);
      await db.query('INSERT INTO note VALUES (1, 2)');
      const late = await scenario.undo(plan, manifest);
      expect(late.tables.flatMap(({ conflicts }) => conflicts.map(({ detail }) => detail))).toEqual([
        'a row of public.note points at what would be taken away (note_box_fkey)',
      ]);
      await expect(scenario.apply(early, manifest)).rejects.toMatchObject({ code: 'plan/conflicts' });
      expect(await rowsOf('SELECT * FROM note')).toEqual([{ id: 1, box: 2 }]);
    });
  });

  it.each([
    ['a row that was restored was changed since', `UPDATE item SET label = 'newer' WHERE id = 2`],
    ['a row that was restored is gone', 'DELETE FROM item WHERE id = 3'],
  ])('that an undo meets what the restore left: %s', async (_, change) => {
    const scenario = await shops(
      `CREATE TABLE item (id int PRIMARY KEY, shop int, label text); INSERT INTO item SELECT i, 1, 'x' FROM generate_series(1, 9) i`,
      ['public.item'],
    );
    const manifest = await scenario.backUp();
    await db.query(`UPDATE item SET label = 'y' WHERE id = 2; DELETE FROM item WHERE id IN (3, 4)`);
    const plan = await scenario.plan(manifest);
    await scenario.apply(plan, manifest);
    await db.query(change);
    const left = await rowsOf('SELECT * FROM item ORDER BY id');
    await expect(scenario.apply(await scenario.undo(plan, manifest), manifest)).rejects.toMatchObject({
      code: 'plan/stale',
    });
    expect(await rowsOf('SELECT * FROM item ORDER BY id')).toEqual(left);
  });

  describe('that what it saw is still so, under its locks', () => {
    const FAMILY = `CREATE TABLE box (id int PRIMARY KEY, shop int); INSERT INTO box VALUES (1, 1), (2, 1), (3, 2);
      CREATE TABLE item (id int PRIMARY KEY, box int REFERENCES box, label text); INSERT INTO item SELECT i, 1 + i % 3, 'x' FROM generate_series(1, 12) i`;
    const TABLES: Tables = [
      'public.box',
      { table: 'public.item', role: 'data', scope: { parent: 'public.box', columns: { box: 'id' } } },
    ];

    it.each([
      ['a row belongs, through its parent, to another slice now', 'UPDATE box SET shop = 2 WHERE id = 2'],
      [
        'a trigger was made',
        `CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER late BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION nothing()`,
      ],
      ['a column was added', 'ALTER TABLE item ADD COLUMN extra int'],
      ['a foreign key towards it was made', 'CREATE TABLE note (item int REFERENCES item)'],
    ])('%s', async (_, change) => {
      const scenario = await shops(FAMILY, TABLES);
      const manifest = await scenario.backUp();
      await db.query(`UPDATE item SET label = 'y' WHERE box < 3`);
      const left = await rowsOf('SELECT id, label FROM item ORDER BY id');
      const plan = await scenario.plan(manifest);
      const onStep = async (step: string) => {
        // Everything is staged; nothing is locked.
        if (step === 'begun') await db.query(change);
      };
      await expect(scenario.apply(plan, manifest, { onStep })).rejects.toMatchObject({ code: 'plan/stale' });
      expect(await rowsOf('SELECT id, label FROM item ORDER BY id')).toEqual(left);
    });
  });

  describe('while rows are on their way', () => {
    const MANY = `CREATE TABLE item (id int PRIMARY KEY, shop int, label text);
      INSERT INTO item SELECT i, 1, repeat('x', 200) FROM generate_series(1, 30000) i`;

    it.each(['ROLLBACK', 'COMMIT'])(
      'a row that another session is inserting is waited for a moment, again and again: it ends in %s',
      async (end) => {
        const scenario = await shops(MANY, ['public.item']);
        const manifest = await scenario.backUp();
        await db.query('DELETE FROM item WHERE id > 10');
        const plan = await scenario.plan(manifest);
        const other = await db.database.connect();
        await other.query(`BEGIN; INSERT INTO item VALUES (29000, 1, 'other')`);
        let attempts = 0;
        const onStep = async (step: string) => {
          if (step === 'begun' && ++attempts === 3) await other.query(end);
        };
        const applying = scenario.apply(plan, manifest, { onStep, attempts: 30, lockTimeoutMs: 40 });
        if (end === 'ROLLBACK') await expect(applying).resolves.toMatchObject({ verified: true, attempts: 3 });
        else await expect(applying).rejects.toMatchObject({ code: 'plan/stale' });
        await other.end();
        expect(await rowsOf(`SELECT count(*)::int AS n FROM item WHERE label <> 'other'`)).toEqual([
          { n: end === 'ROLLBACK' ? 30000 : 10 },
        ]);
      },
    );

    it('an interruption leaves nothing (I6)', async () => {
      const scenario = await shops(MANY, ['public.item']);
      const manifest = await scenario.backUp();
      await db.query('DELETE FROM item WHERE id > 10');
      const plan = await scenario.plan(manifest);
      const abort = new AbortController();
      const onProgress = ({ phase, rows }: { phase: string; rows: number }) => {
        if (phase === 'apply' && rows > 0) abort.abort();
      };
      await expect(scenario.apply(plan, manifest, { signal: abort.signal, onProgress })).rejects.toMatchObject({
        code: 'backup/interrupted',
      });
      expect(await rowsOf('SELECT count(*)::int AS n FROM item')).toEqual([{ n: 10 }]);
    });

    it('a block of the backup that is damaged leaves nothing (I5, I6)', async () => {
      const scenario = await shops(MANY, ['public.item']);
      const manifest = await scenario.backUp();
      await db.query('DELETE FROM item');
      const plan = await scenario.plan(manifest);
      const { store } = scenario.repository;
      for await (const { path } of store.list('packs/')) {
        const bytes = Buffer.from(await store.get(path));
        // Behind the first blocks, so that some rows are on their way before it is found.
        bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
        await store.put(path, bytes);
      }
      await expect(scenario.apply(plan, manifest)).rejects.toMatchObject({ code: 'repository/damaged' });
      expect(await rowsOf('SELECT count(*)::int AS n FROM item')).toEqual([{ n: 0 }]);
    });
  });

  describe('how a commit ended whose answer was lost', () => {
    /** The connection breaks off when COMMIT is sent: before the server has it, or after it has carried it out. */
    function breakingAtCommit(when: 'before' | 'after'): Database {
      return {
        label: db.database.label,
        async connect(options) {
          const client = await db.database.connect(options);
          const send = client.query.bind(client) as (...given: unknown[]) => Promise<unknown>;
          let ends = 0;
          const query = async (...given: unknown[]) => {
            const isLast = given[0] === 'COMMIT' && ++ends === 2;
            if (!isLast) return send(...given);
            if (when === 'after') await send('COMMIT');
            await client.end();
            throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
          };
          client.query = ((...given: unknown[]) =>
            typeof given[0] === 'string' ? query(...given) : send(...given)) as unknown as pg.Client['query'];
          return client;
        },
      };
    }

    it.each(['before', 'after'] as const)(
      'is asked of the server: it broke off %s it was carried out',
      async (when) => {
        const scenario = await shops(
          `CREATE TABLE item (id int PRIMARY KEY, shop int, label text); INSERT INTO item SELECT i, 1, 'x' FROM generate_series(1, 9) i`,
          ['public.item'],
        );
        const manifest = await scenario.backUp();
        await db.query(`DELETE FROM item WHERE id = 3`);
        const plan = await scenario.plan(manifest);
        const applying = scenario.apply(plan, manifest, { database: breakingAtCommit(when) });
        if (when === 'after') await expect(applying).resolves.toMatchObject({ verified: true });
        else await expect(applying).rejects.toMatchObject({ code: 'database/connection-lost' });
        expect(await rowsOf('SELECT FROM item')).toHaveLength(when === 'after' ? 9 : 8);
      },
    );
  });

  it('that functions of checks and indexes find what they rely on by the application’s own search path', async () => {
    const scenario = await shops(
      `CREATE TABLE allowed (label text); INSERT INTO allowed VALUES ('x');
       CREATE FUNCTION is_allowed(l text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RETURN EXISTS (SELECT FROM allowed WHERE label = l); END $$;
       CREATE FUNCTION folded(l text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ DECLARE a allowed; BEGIN RETURN lower(l); END $$;
       CREATE TABLE item (id int PRIMARY KEY, shop int, label text CHECK (is_allowed(label)), other text);
       CREATE UNIQUE INDEX ON item (folded(other)); INSERT INTO item SELECT i, 1, 'x', 'o' || i FROM generate_series(1, 9) i`,
      ['public.item'],
    );
    const manifest = await scenario.backUp();
    await db.query(`DELETE FROM item WHERE id IN (3, 4); UPDATE item SET other = 'changed' WHERE id = 5`);
    const plan = await scenario.plan(manifest);
    expect(plan.tables.flatMap(({ conflicts }) => conflicts)).toEqual([]);
    await scenario.apply(plan, manifest);
    expect(await rowsOf('SELECT FROM item')).toHaveLength(9);
  });

  it('a plan with nothing to do applies, and says so', async () => {
    const scenario = await shops('CREATE TABLE item (id int PRIMARY KEY, shop int)', ['public.item']);
    const manifest = await scenario.backUp();
    const plan = await scenario.plan(manifest);
    const applied = await scenario.apply(plan, manifest);
    expect(applied.tables).toEqual([]);
  });
});
