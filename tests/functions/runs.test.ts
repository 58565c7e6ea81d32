import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  addImplementation,
  applyDefinition,
  applyRestore,
  createBackup,
  enqueueJob,
  executeScheduledBackups,
  listBackups,
  listNotifications,
  planRestore,
  showJob,
  updateSettings,
  verifyBackup,
} from '../../packages/services/src/index.ts';
import { type TestDatabase, testServers } from '../support/database.ts';
import { builtFunctions, COSTLY_DENOS, DENOS, EdgeFunction, type FunctionName } from '../support/edge-function.ts';
import {
  AUTHORIZED,
  createFunctionShop,
  type FunctionShop,
  type FunctionShopOptions,
} from '../support/function-shop.ts';
import { dealtTo } from '../support/long-tests.ts';
import { startS3rver } from '../support/s3-server.ts';
import { S3Stub } from '../support/s3-stub.ts';

// Each test starts a process and makes a database; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

let built: Awaited<ReturnType<typeof builtFunctions>>;
let s3: S3Stub;
beforeAll(async () => {
  built = await builtFunctions();
  s3 = await S3Stub.start();
});
afterAll(async () => {
  await s3.close();
  await built[Symbol.asyncDispose]();
});

/** What every call did: sums, and the codes of what failed. */
interface Summary {
  readonly done: number;
  readonly failed: readonly { readonly implementation: string; readonly code: string }[];
  readonly deferred: number;
  readonly left: number;
}

const NOTHING: Summary = { done: 0, failed: [], deferred: 0, left: 0 };

async function run(edge: EdgeFunction, body = '{}'): Promise<Summary> {
  const answer = await edge.call({ headers: AUTHORIZED, body });
  expect(answer.status, answer.text).toBe(200);
  expect(Object.keys(answer.body).toSorted()).toEqual(['deferred', 'done', 'failed', 'left']);
  // It has just these fields.
  return answer.body as unknown as Summary;
}

/** More than any test needs. */
const CALLS_MAX = 40;

/** Calls until nothing is left; gives what each call did. */
async function runToEnd(edge: EdgeFunction): Promise<Summary[]> {
  const runs: Summary[] = [];
  for (;;) {
    const summary = await run(edge);
    runs.push(summary);
    // A call whose budget went into a slice that it had to give up has done nothing, and the next one goes on.
    if (summary.left === 0 || runs.length === CALLS_MAX) return runs;
  }
}

async function rowsOf(db: TestDatabase, tables: readonly string[]): Promise<unknown> {
  const all: unknown[] = [];
  for (const table of tables) all.push((await db.query(`SELECT t::text FROM ${table} AS t ORDER BY 1`)).rows);
  return all;
}

const servers = testServers();
const combinations = DENOS.flatMap((deno, index) =>
  dealtTo(index % servers.length, servers.length, servers).map((server) => ({ deno, server })),
);

describe.each(combinations)('under Deno $deno.version on PostgreSQL $server.name', ({ deno, server }) => {
  const shop = (options: FunctionShopOptions = {}) => createFunctionShop(server, s3, options);
  const start = ({ variables }: FunctionShop, name: FunctionName = 'execute-scheduled-backups') =>
    EdgeFunction.start({ deno, folder: built.folder, name, variables });

  it('what is due is backed up; Node verifies it and restores it (I1)', async () => {
    await using scene = await shop();
    await using edge = await start(scene);
    expect(await run(edge)).toEqual(NOTHING);
    await scene.makeDue();
    expect(await run(edge), edge.log).toEqual({ ...NOTHING, done: 2 });
    expect(await run(edge)).toEqual(NOTHING);

    const node = scene.node();
    const { items } = await listBackups(node, {});
    expect(items).toHaveLength(2);
    for (const backup of items) {
      expect(backup).toMatchObject({ status: 'completed', createdBy: 'edge function execute-scheduled-backups' });
      expect(await verifyBackup(node, { backup: backup.id })).toMatchObject({ ok: true });
    }
    const tables = ['public.store', 'public.item', 'public.sale'];
    const before = await rowsOf(scene.db, tables);
    await scene.db.query(`DELETE FROM public.sale WHERE sale_id % 3 = 0; UPDATE public.item SET price = 0`);
    for (const { id } of items) await applyRestore(node, { plan: (await planRestore(node, { backup: id })).id });
    expect(await rowsOf(scene.db, tables)).toEqual(before);
  });

  it('builds on what Node backed up, and Node on what it did', async () => {
    await using scene = await shop({ implementations: 2 });
    const node = scene.node();
    await updateSettings(node, { place: {}, set: { defaultType: 'incremental' } });
    const first = await createBackup(node, { implementation: 'shop/s1', type: 'full' });
    await using edge = await start(scene);
    await scene.db.query(`UPDATE public.item SET price = price + 1 WHERE item_id % 10 = 0`);
    await scene.makeDue();
    expect(await run(edge)).toEqual({ ...NOTHING, done: 2 });
    const [second] = (await listBackups(node, { implementation: 'shop/s1' })).items;
    expect(second).toMatchObject({ type: 'incremental', parentId: first.id, stats: { rowsChanged: 40 } });
    expect(second?.stats?.blocksReused).toBeGreaterThan(0);
    const third = await createBackup(scene.node(), { implementation: 'shop/s1', type: 'incremental' });
    expect(third).toMatchObject({ parentId: second?.id, stats: { rowsChanged: 0, blocksNew: 0 } });
    for (const { id } of (await listBackups(node, {})).items) {
      expect(await verifyBackup(scene.node(), { backup: id })).toMatchObject({ ok: true });
    }
  });

  it('keys and values of every kind come through as they are', async () => {
    await using scene = await shop({ implementations: 1 });
    await scene.db.query(ODD_TABLES);
    const node = scene.node();
    await applyDefinition(node, { source: ODD_DEFINITION });
    await addImplementation(node, { module: 'odd', key: 'one', scope: { store_id: 1 } });
    await using edge = await start(scene);
    for (const change of ['SELECT', ODD_CHANGES]) {
      await scene.db.query(change);
      await scene.makeDue();
      expect(await run(edge), edge.log).toEqual({ ...NOTHING, done: 2 });
    }
    const tables = ['odd_uuid', 'odd_text', 'odd_number', 'odd_time', 'odd_pair', 'odd_none'];
    const before = await rowsOf(scene.db, tables);
    const [latest, earlier] = (await listBackups(node, { implementation: 'odd/one' })).items;
    expect(latest?.stats?.rowsChanged).toBeGreaterThan(0);
    for (const backup of [latest?.id ?? '', earlier?.id ?? '']) {
      expect(await verifyBackup(scene.node(), { backup })).toMatchObject({ ok: true, damage: [] });
    }
    for (const table of tables) await scene.db.query(`DELETE FROM ${table}`);
    await applyRestore(node, { plan: (await planRestore(node, { backup: latest?.id ?? '' })).id });
    expect(await rowsOf(scene.db, tables)).toEqual(before);
  });

  it('stops taking work in time, and the next calls go on until nothing is left; none is doubled', async () => {
    await using scene = await shop({ implementations: 20 });
    await using edge = await start(scene);
    await scene.makeDue();
    const runs = await runToEnd(edge);
    expect(runs.length).toBeGreaterThan(1);
    expect(runs.reduce((sum, { done }) => sum + done, 0)).toBe(20);
    for (const [index, summary] of runs.entries()) {
      expect(summary.failed).toEqual([]);
      const doneBefore = runs.slice(0, index + 1).reduce((sum, { done }) => sum + done, 0);
      expect(summary.left).toBe(20 - doneBefore);
    }
    const { rows } = await scene.db.query(
      `SELECT count(*)::int AS backups, count(DISTINCT source_implementation_id)::int AS implementations FROM public.module_backups`,
    );
    expect(rows).toEqual([{ backups: 20, implementations: 20 }]);
  });
});

const [newest] = servers;

describe.each(COSTLY_DENOS)('under Deno $version', (deno) => {
  const shop = (options: FunctionShopOptions = {}) => {
    if (newest === undefined) throw new Error('no server');
    return createFunctionShop(newest, s3, options);
  };
  const start = ({ variables }: FunctionShop, more: Readonly<Record<string, string>> = {}) =>
    EdgeFunction.start({
      deno,
      folder: built.folder,
      name: 'execute-scheduled-backups',
      variables: { ...variables, ...more },
    });

  it.each([
    ['a passphrase', { kind: 'passphrase', passphrase: 'corréct horse' }],
    ['a key', { kind: 'key-file', bytes: Buffer.alloc(32, 7) }],
  ] as const)('a repository that is encrypted by %s stays so (I10)', async (_name, key) => {
    await using scene = await shop({ key });
    await using edge = await start(scene);
    await scene.makeDue();
    expect(await run(edge)).toEqual({ ...NOTHING, done: 2 });
    const { items } = await listBackups(scene.node(), {});
    for (const backup of items) {
      expect(backup).toMatchObject({ encrypted: true });
      expect(await verifyBackup(scene.node(), { backup: backup.id })).toMatchObject({ ok: true });
    }
    const prefix = new URL(scene.variables['COFRE_REPOSITORY'] ?? '').pathname.slice(1);
    const objects = [...s3.objects].filter(([name]) => name.startsWith(`${prefix}/packs/`));
    expect(objects.length).toBeGreaterThan(0);
    for (const [, { bytes }] of objects) expect(bytes.includes('key-of-one')).toBe(false);
  });

  it.each(['gzip', 'none'] as const)('a repository of compression %s goes on as it is', async (compression) => {
    await using scene = await shop();
    const first = await createBackup(scene.node(), { implementation: 'shop/s1', type: 'full', compression });
    await updateSettings(scene.node(), { place: {}, set: { defaultType: 'incremental' } });
    const job = await enqueueJob(scene.node(), {
      kind: 'create-backup',
      input: { implementation: 'shop/s1', type: 'incremental', compression },
    });
    await scene.db.query('UPDATE public.item SET price = price + 1');
    await using edge = await start(scene);
    expect(await run(edge), edge.log).toEqual({ ...NOTHING, done: 1 });
    expect(await showJob(scene.node(), { job: job.id })).toMatchObject({ state: 'completed' });
    const [second] = (await listBackups(scene.node(), {})).items;
    expect(second).toMatchObject({ parentId: first.id, compression, stats: { rowsChanged: 200 } });
    expect(await verifyBackup(scene.node(), { backup: second?.id ?? '' })).toMatchObject({ ok: true });
  });

  it('jobs that were asked for by hand are done too', async () => {
    await using scene = await shop();
    const node = scene.node();
    const made = await enqueueJob(node, { kind: 'create-backup', input: { implementation: 'shop/s1', type: 'full' } });
    await scene.makeDue();
    await using edge = await start(scene);
    expect(await run(edge), edge.log).toEqual({ ...NOTHING, done: 3 });
    const job = await showJob(node, { job: made.id });
    expect(job).toMatchObject({ state: 'completed', attempts: 1 });
    const backup = job.backupId ?? '';
    const verified = await enqueueJob(node, { kind: 'verify-backup', input: { backup } });
    const deleted = await enqueueJob(node, { kind: 'delete-backup', input: { backup } });
    expect(await run(edge), edge.log).toMatchObject({ done: 2, failed: [] });
    for (const { id } of [verified, deleted]) {
      expect(await showJob(node, { job: id })).toMatchObject({ state: 'completed' });
    }
  });

  it('a slice that is too large is left to a worker, and told; the others are done', async () => {
    await using scene = await shop({ implementations: 3 });
    await scene.db.query(
      `INSERT INTO public.item (store_id, sku) SELECT 1, i || repeat(md5(i::text), 30) FROM generate_series(1, 15000) AS i; ANALYZE`,
    );
    await scene.makeDue();
    await using edge = await start(scene);
    expect(await run(edge), edge.log).toEqual({ ...NOTHING, done: 2, deferred: 1 });
    expect(await run(edge)).toEqual({ ...NOTHING, deferred: 1 });
    const { items: notices } = await listNotifications(scene.node(), {});
    expect(notices).toMatchObject([{ kind: 'backup-deferred', params: { implementation: 'shop/s1' } }]);
    // A worker takes no budget into account.
    expect(await executeScheduledBackups(scene.node())).toMatchObject({ done: 1, failed: [], deferred: 0, left: 0 });
    expect(await run(edge)).toEqual(NOTHING);
  });

  it('a slice that grew far beyond its newest backup is given up, left to a worker, and holds up no other', async () => {
    await using scene = await shop({ implementations: 3 });
    await using edge = await start(scene);
    await scene.makeDue();
    await runToEnd(edge);
    await scene.db.query(
      `INSERT INTO public.item (store_id, sku) SELECT 1, i || repeat(md5(i::text), 60) FROM generate_series(1, 15000) AS i`,
    );
    await scene.makeDue();
    const runs = await runToEnd(edge);
    expect(runs.reduce((sum, { done }) => sum + done, 0)).toBe(2);
    expect(runs.at(-1)).toMatchObject({ left: 0, deferred: 1 });
    expect(runs.flatMap(({ failed }) => failed)).toEqual([]);
    expect(await run(edge)).toMatchObject({ done: 0, failed: [], left: 0 });
  });

  it('called twice at once, in one instance and in two, it doubles nothing', async () => {
    await using scene = await shop({ implementations: 12 });
    await using one = await start(scene);
    await using two = await start(scene);
    await scene.makeDue();
    const summaries = await Promise.all([one, one, two, two].map((edge) => run(edge)));
    summaries.push(...(await runToEnd(one)));
    expect(summaries.flatMap(({ failed }) => failed)).toEqual([]);
    expect(summaries.reduce((sum, { done }) => sum + done, 0)).toBe(12);
    const { rows } = await scene.db.query(
      `SELECT status, count(*)::int AS backups, count(DISTINCT source_implementation_id)::int AS implementations
       FROM public.module_backups GROUP BY 1`,
    );
    expect(rows).toEqual([{ status: 'completed', backups: 12, implementations: 12 }]);
  });

  it('a bucket that knows no conditional puts does as well', async () => {
    if (newest === undefined) throw new Error('no server');
    const s3rver = await startS3rver();
    try {
      await using scene = await createFunctionShop(newest, s3rver);
      await using edge = await start(scene);
      await scene.makeDue();
      expect(await run(edge), edge.log).toEqual({ ...NOTHING, done: 2 });
      for (const { id } of (await listBackups(scene.node(), {})).items) {
        expect(await verifyBackup(scene.node(), { backup: id })).toMatchObject({ ok: true });
      }
    } finally {
      await s3rver.close();
    }
  });
});

/** Every order of keys, and values that look like something else; several ranges of each. */
const ODD_TABLES = `
  CREATE TABLE odd_uuid (id uuid PRIMARY KEY, store_id int NOT NULL, body bytea, doc jsonb);
  INSERT INTO odd_uuid SELECT md5(i::text)::uuid, 1, decode(md5(i::text), 'hex'), jsonb_build_object('n', i, 'é', 'ü')
    FROM generate_series(1, 20000) AS i;
  CREATE TABLE odd_text (id text PRIMARY KEY, store_id int NOT NULL, body text);
  INSERT INTO odd_text SELECT (ARRAY['a', 'á', E'\\\\', E'tab\\t', E'line\\n', 'Ω', '📦'])[1 + i % 7] || i, 1,
    CASE WHEN i % 5 = 0 THEN NULL ELSE repeat(E'x\\\\\\t\\n', i % 9) END FROM generate_series(1, 20000) AS i;
  INSERT INTO odd_text VALUES ('huge', 1, repeat('0123456789', 300000)), ('', 1, '');
  CREATE TABLE odd_number (id numeric PRIMARY KEY, store_id int NOT NULL, f float8, big int8);
  INSERT INTO odd_number SELECT (i - 10000) / 7.0, 1, i / 3.0, i::int8 << 40 FROM generate_series(1, 20000) AS i;
  INSERT INTO odd_number VALUES ('NaN', 1, 'NaN', NULL), ('Infinity', 1, '-Infinity', NULL);
  CREATE TABLE odd_time (id timestamptz PRIMARY KEY, store_id int NOT NULL, span interval, days date[]);
  INSERT INTO odd_time SELECT '0044-03-15 BC'::timestamptz + i * interval '37 days', 1, i * interval '1 hour', ARRAY['2025-01-01'::date + i]
    FROM generate_series(1, 20000) AS i;
  CREATE TABLE odd_pair (a int, b text, store_id int NOT NULL, v text, PRIMARY KEY (a, b));
  INSERT INTO odd_pair SELECT -i / 100, 'b' || i % 100, 1, md5(i::text) FROM generate_series(1, 20000) AS i;
  CREATE TABLE odd_none (store_id int NOT NULL, v text);
  INSERT INTO odd_none SELECT 1, md5((i % 5000)::text) FROM generate_series(1, 15000) AS i;
`;
const ODD_CHANGES = `
  UPDATE odd_uuid SET doc = NULL WHERE get_byte(body, 0) < 30; DELETE FROM odd_uuid WHERE get_byte(body, 0) > 250;
  UPDATE odd_text SET body = 'new' WHERE length(id) = 4; DELETE FROM odd_number WHERE id < -1400;
  INSERT INTO odd_time SELECT '2025-01-01'::timestamptz + i * interval '1 second', 1, NULL, NULL FROM generate_series(1, 9000) AS i;
  UPDATE odd_pair SET v = v || 'x' WHERE a < -150; DELETE FROM odd_none WHERE ctid IN (SELECT ctid FROM odd_none LIMIT 100)`;
const ODD_DEFINITION = `version: 1
module: odd
root: { table: public.store, key: [store_id] }
tables:
${['odd_uuid', 'odd_text', 'odd_number', 'odd_time', 'odd_pair', 'odd_none']
  .map((table) => `  - { table: public.${table}, role: data, scope: { columns: { store_id: store_id } } }`)
  .join('\n')}
`;
