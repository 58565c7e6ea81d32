import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { BackupDocument } from '@cofre/contracts';
import type { BlobStore } from '@cofre/engine';
import { addImplementation, createBackup, diffBackups, type ServiceContext } from '@cofre/services';
import { MemoryStore, systemClock } from '@cofre/storage';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createTestDatabase,
  openTestDatabase,
  type TestDatabase,
  type TestServer,
  testServers,
} from '../support/database.ts';
import { IS_LONG } from '../support/long-tests.ts';
import { type OwnServer, startOwnServer } from '../support/own-server.ts';
import { createShop, createTestService } from '../support/service-context.ts';

const INCREMENTAL = { implementation: 'shop/one', type: 'incremental' } as const;
const DUMP = '/usr/lib/postgresql/15/bin/pg_dump';
const PSQL = '/usr/lib/postgresql/15/bin/psql';

/** A database as somebody finds it who connects anew, and the repository that its backups are in. */
interface Found extends AsyncDisposable {
  readonly db: TestDatabase;
  readonly context: ServiceContext;
}

async function find(server: TestServer, name: string, store: BlobStore): Promise<Found> {
  const db = openTestDatabase(server, name);
  const service = await createTestService(db, { store, init: false });
  return {
    db,
    context: service.again({ clock: systemClock }),
    [Symbol.asyncDispose]: async () => {
      await service[Symbol.asyncDispose]();
      await db.close();
    },
  };
}

/** A shop with a full backup; gives the name of its database. */
async function makeShop(server: TestServer, store: BlobStore): Promise<string> {
  const db = await createTestDatabase(server, { template: 'migrated' });
  await using service = await createShop(db, { store });
  // Enough for asking what changed to be worth while.
  await db.query(
    `INSERT INTO item (store_id, sku, price) SELECT 1, 'large ' || n, n FROM generate_series(1, 20000) AS n`,
  );
  const context = service.again({ clock: systemClock });
  await addImplementation(context, { module: 'shop', key: 'one', scope: { store_id: 1 } });
  await createBackup(context, { ...INCREMENTAL, type: 'full' });
  await db.close();
  return new URL(db.url).pathname.slice(1);
}

const change = (db: TestDatabase, remainder: number) =>
  db.query(`UPDATE item SET price = price + 1 WHERE item_id % 211 = ${remainder}`);

/** What the catalogue had of a backup, as an import from the repository brings it back. */
async function carry({ db }: Found, { id }: BackupDocument): Promise<(other: TestDatabase) => Promise<void>> {
  const { rows } = await db.query('SELECT to_jsonb(b) AS row FROM public.module_backups AS b WHERE id = $1', [id]);
  return async (other) => {
    await other.query(
      'INSERT INTO public.module_backups SELECT * FROM jsonb_populate_record(NULL::public.module_backups, $1)',
      [JSON.stringify(rows[0].row)],
    );
  };
}

/** The next incremental holds the slice as it is, whatever its parent says. */
async function expectNext({ context }: Found, parent: string, probe: object): Promise<void> {
  const next = await createBackup(context, INCREMENTAL);
  expect(next).toMatchObject({ type: 'incremental', parentId: parent, probe });
  const { tables } = await diffBackups(context, { from: next.id, to: 'live' });
  expect(tables.filter(({ inserted, updated, deleted }) => inserted + updated + deleted > 0)).toEqual([]);
}

const READ_WHOLE = { used: false, reason: expect.stringContaining('no trace') };

describe('I2: files that were put back, and replicas', () => {
  let own: OwnServer;
  let store: MemoryStore;
  let name: string;
  beforeAll(async () => {
    own = await startOwnServer({ settings: { fsync: 'off' } });
  });
  afterAll(() => own?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    store = new MemoryStore();
    name = await makeShop(own.server, store);
  });

  /** Makes a backup that only this history knows of, and goes on for a while. */
  async function backUpAndGoOn(): Promise<{ id: string; carried: (other: TestDatabase) => Promise<void> }> {
    await using found = await find(own.server, name, store);
    await change(found.db, 1);
    const made = await createBackup(found.context, INCREMENTAL);
    expect(made.probe).toMatchObject({ used: true });
    const carried = await carry(found, made);
    // Ids of transactions that the other history will use again.
    for (let round = 0; round < 20; round++) await change(found.db, 2);
    return { id: made.id, carried };
  }

  it('a database rolled back to before the backup has no trace of it, so that it is read whole', async () => {
    await own.keepFiles();
    const { id, carried } = await backUpAndGoOn();
    await own.putFilesBack();
    await using found = await find(own.server, name, store);
    await change(found.db, 3);
    await carried(found.db);
    await expectNext(found, id, READ_WHOLE);
  });

  it.skipIf(!IS_LONG)(
    'a replica that was promoted without the trace is read whole; one that has it goes on from there',
    async () => {
      const replica = await own.startReplica();
      await untilFollowed(replica.server, name, 1);
      {
        await using found = await find(own.server, name, store);
        await change(found.db, 4);
        await createBackup(found.context, INCREMENTAL);
      }
      await untilFollowed(replica.server, name, 2);
      await replica.stop();
      const { id, carried } = await backUpAndGoOn();
      await own.crash();
      await replica.start();
      await replica.promote();
      await using found = await find(replica.server, name, store);
      const { rows } = await found.db.query(`SELECT id FROM public.module_backups ORDER BY created_at DESC`);
      expect(rows).toHaveLength(2);
      // Of the backup that was followed it has the trace.
      await change(found.db, 3);
      await expectNext(found, rows[0].id, { used: true });
      await found.db.query(
        'DELETE FROM public.module_backups WHERE created_at > (SELECT created_at FROM public.module_backups WHERE id = $1)',
        [rows[0].id],
      );
      await carried(found.db);
      await change(found.db, 5);
      await expectNext(found, id, READ_WHOLE);
    },
  );
});

/** Until a replica has the traces of so many backups. */
async function untilFollowed(server: TestServer, name: string, backups: number): Promise<void> {
  const db = openTestDatabase(server, name);
  try {
    for (;;) {
      const { rows } = await db.query('SELECT count(*)::int AS traces FROM cofre.lineage');
      if (rows[0].traces === backups) return;
      await sleep(20);
    }
  } finally {
    await db.close();
  }
}

const fifteen = testServers().find(({ name }) => name === '15');

describe.skipIf(fifteen === undefined || !existsSync(DUMP))('I2: copies by pg_dump', () => {
  const dump = async (url: string, ...options: string[]) => {
    const { stdout } = await promisify(execFile)(DUMP, ['--no-owner', ...options, url], { maxBuffer: 2 ** 28 });
    return stdout;
  };
  const load = async ({ url }: TestDatabase, script: string) => {
    const running = promisify(execFile)(PSQL, ['--quiet', '--set=ON_ERROR_STOP=1', url]);
    running.child.stdin?.end(script);
    await running;
  };
  const server = fifteen ?? { name: '15' as const, url: '' };

  it('into another database gives all rows new transactions, so that it is read whole', async () => {
    const store = new MemoryStore();
    const name = await makeShop(server, store);
    let script = '';
    let parent = '';
    {
      await using found = await find(server, name, store);
      parent = (await createBackup(found.context, INCREMENTAL)).id;
      script = await dump(found.db.url);
      await change(found.db, 1);
      await found.db.drop();
    }
    const empty = await createTestDatabase(server);
    await load(empty, script);
    await empty.close();
    await using copy = await find(server, new URL(empty.url).pathname.slice(1), store);
    await change(copy.db, 2);
    await expectNext(copy, parent, { used: false });
    await change(copy.db, 3);
    await expectNext(copy, (await newestOf(copy)).id, { used: true });
    await copy.db.drop();
  });

  it.each([
    {
      what: 'its rows alone',
      options: ['--data-only', '--table=public.sale'],
      undo: 'TRUNCATE public.sale',
      probe: { used: true },
    },
    {
      what: 'a table of it',
      options: ['--table=public.sale'],
      undo: 'DROP TABLE public.sale',
      probe: { reason: expect.stringContaining('public.sale') },
    },
    {
      what: 'the traces of backups',
      options: ['--data-only', '--table=cofre.lineage'],
      undo: 'DELETE FROM cofre.lineage',
      probe: READ_WHOLE,
    },
  ])('into the same database, $what: nothing is missed', async ({ options, undo, probe }) => {
    const store = new MemoryStore();
    await using found = await find(server, await makeShop(server, store), store);
    const script = await dump(found.db.url, ...options);
    await change(found.db, 1);
    await found.db.query('UPDATE sale SET quantity = 100 WHERE sale_id % 5 = 0');
    const { id } = await createBackup(found.context, INCREMENTAL);
    const traces = await dump(found.db.url, ...options);
    await found.db.query(undo);
    await load(found.db, options.includes('--table=cofre.lineage') ? traces : script);
    await expectNext(found, id, probe);
    await found.db.drop();
  });
});

async function newestOf({ db }: Found): Promise<{ readonly id: string }> {
  const { rows } = await db.query('SELECT id FROM public.module_backups ORDER BY created_at DESC LIMIT 1');
  return rows[0];
}
