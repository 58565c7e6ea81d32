import { collectGarbage, GARBAGE_GRACE_MS, putTrash, type Repository } from '@cofre/engine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IMPLEMENTATION, readText, textOf } from './fixtures.ts';
import { type Burst, type Call, HOUR_MS, type Process, Scene, type Work } from './processes.ts';

const backUpWork = (parent: number): Process => ({ work: [{ kind: 'back-up', parent, change: 0 }] });
const deletion: Process = { work: [{ kind: 'delete', which: 0 }] };
const collection: Process = { work: [{ kind: 'collect' }] };
const collectionAtOnce: Process = { work: [{ kind: 'collect', graceMs: 0 }] };

/** Puts every pack that is there into the trash: as one is that a slow writer had begun to build on before it was put there. */
async function trashAll(scene: Scene, ageHours: number): Promise<void> {
  const packs: string[] = [];
  for await (const { path } of scene.store.list('packs/')) packs.push(path.slice(-37, -5));
  await putTrash(await scene.open(), packs);
  scene.nowMs += ageHours * HOUR_MS;
}

async function expectAllWhole(repository: Repository, { expected }: Scene): Promise<void> {
  for (const [backup, rows] of expected) {
    const manifest = await repository.readManifest(IMPLEMENTATION, backup);
    expect(await readText(repository, manifest)).toBe(textOf(rows));
    expect((await repository.verifyBackup(manifest)).damage).toEqual([]);
  }
}

async function expectNoGarbage(repository: Repository): Promise<void> {
  const needed = new Set<string>();
  for await (const { backupId } of repository.listManifests())
    for (const { id } of (await repository.readManifest(IMPLEMENTATION, backupId)).packs) needed.add(id);
  for await (const { path } of repository.store.list('packs/')) expect(needed).toContain(path.slice(-37, -5));
  for (const prefix of ['trash/', 'leases/'])
    for await (const { path } of repository.store.list(prefix)) expect(path).toBe('');
}

/** Every backup that somebody was told of is whole; after three quiet days there is no garbage, and they still are. */
async function expectGoodEnd(scene: Scene): Promise<void> {
  await scene.finish();
  const repository = await scene.open();
  await expectAllWhole(repository, scene);
  for (let run = 0; run < 3; run++) {
    scene.nowMs += GARBAGE_GRACE_MS + HOUR_MS;
    await collectGarbage(repository);
  }
  await expectAllWhole(repository, scene);
  await expectNoGarbage(repository);
}

const deletesPack = ({ operation, path }: Call) => operation === 'delete' && path.startsWith('packs/');
const readsTrash = ({ operation, path }: Call) => operation === 'list' && path === 'trash/';
const renews = ({ operation, path }: Call) => operation === 'put' && path.endsWith('-1');
const committed = ({ operation, path }: Call) => operation === 'delete' && path.startsWith('leases/');

describe('I3: a writer, a deletion and a collector at once', () => {
  /**
   * The writer stands still at each of its calls while its parent is deleted; a collector stands still at each of its
   * own while the writer goes on; then it goes on.
   */
  const VARIANTS = [
    { name: 'what it builds on has been in the trash for long', trashed: true, before: false, hours: 0 },
    {
      name: 'what it builds on goes into the trash while it writes, half a day ago',
      trashed: false,
      before: true,
      hours: 13,
    },
    {
      name: 'what it builds on goes into the trash while it writes, a day ago',
      trashed: false,
      before: true,
      hours: 25,
    },
  ];
  it.each(VARIANTS)('at every two calls: $name', async ({ trashed, before, hours }) => {
    let runs = 0;
    for (let written = 1, isWriting = true; isWriting; written++) {
      for (let collected = 1, isCollecting = true; isCollecting; collected++) {
        const scene = await Scene.make();
        scene.nowMs += 48 * HOUR_MS;
        if (trashed) await trashAll(scene, 25);
        const [writer, deleter, early, collector] = [backUpWork(0), deletion, collection, collection].map((process) =>
          scene.start(process),
        );
        isWriting = await scene.go({ process: writer ?? 0, calls: written });
        await scene.go({ process: deleter ?? 0 });
        if (before) await scene.go({ process: early ?? 0 });
        isCollecting = await scene.go({ process: collector ?? 0, calls: collected, hours });
        await scene.go({ process: writer ?? 0 });
        await expectGoodEnd(scene);
        runs++;
      }
    }
    expect(runs).toBeGreaterThan(100);
  });

  it('a collector with no grace at all, at every two calls: it waits for who may be writing, and for nobody else', async () => {
    for (let written = 1, isWriting = true; isWriting; written++) {
      for (let collected = 1, isCollecting = true; isCollecting; collected++) {
        const scene = await Scene.make();
        scene.nowMs += 48 * HOUR_MS;
        const [writer, deleter, early, collector] = [backUpWork(0), deletion, collectionAtOnce, collectionAtOnce].map(
          (process) => scene.start(process),
        );
        isWriting = await scene.go({ process: writer ?? 0, calls: written });
        await scene.go({ process: deleter ?? 0 });
        await scene.go({ process: early ?? 0, hours: 0.01 });
        isCollecting = await scene.go({ process: collector ?? 0, calls: collected, hours: 0.01 });
        await scene.go({ process: writer ?? 0 });
        await expectGoodEnd(scene);
      }
    }
  });

  it('a second collector that was done with the trash meanwhile does not let the first delete what is built on again', async () => {
    const scene = await Scene.make();
    await trashAll(scene, 25);
    const [slow, quick, writer, deleter] = [collection, collection, backUpWork(0), deletion].map((process) =>
      scene.start(process),
    );
    // The first has read the trash. The second finds that all of it is needed and is done with it.
    await scene.go({ process: slow ?? 0, until: ({ path }) => path === 'packs/' });
    await scene.go({ process: quick ?? 0 });
    // So the writer builds on it; its parent is deleted before the first looks, and it commits after that.
    await scene.go({ process: writer ?? 0, until: renews });
    await scene.go({ process: deleter ?? 0 });
    await scene.go({ process: slow ?? 0, until: deletesPack });
    await scene.go({ process: writer ?? 0 });
    expect(scene.expected.size).toBe(1);
    await expectGoodEnd(scene);
  });

  it('a writer that read its parent before it looked into the trash would be hurt: so it does not', async () => {
    const scene = await Scene.make();
    const calls: Call[] = [];
    const writer = scene.start(backUpWork(0));
    await scene.go({
      process: writer,
      until: (call) => {
        calls.push(call);
        return false;
      },
    });
    const lease = calls.findIndex(({ operation, path }) => operation === 'put' && path.startsWith('leases/'));
    const trash = calls.findIndex(readsTrash);
    const manifest = calls.findIndex(({ operation, path }) => operation !== 'put' && path.startsWith('backups/'));
    expect(lease).toBeGreaterThanOrEqual(0);
    expect(trash).toBeGreaterThan(lease);
    expect(manifest).toBeGreaterThan(trash);
  });

  it('a manifest whose put took effect a day late is taken back, whatever it was told before', async () => {
    const scene = await Scene.make();
    const writer = scene.start(backUpWork(0));
    const puts = ({ operation, path }: Call) => operation === 'put' && path.startsWith('backups/');
    await scene.go({ process: writer, until: puts });
    await scene.go({ process: writer, until: committed, hours: 25 });
    expect(scene.expected.size).toBe(1);
    await expectGoodEnd(scene);
    const manifests: string[] = [];
    for await (const { path } of scene.store.list('backups/')) manifests.push(path);
    expect(manifests).toHaveLength(1);
  });

  it('a clock that is put back an hour, or on by a day, loses nothing', async () => {
    for (const hours of [-1, 25]) {
      const scene = await Scene.make();
      const [writer, deleter, early, collector] = [backUpWork(0), deletion, collection, collection].map((process) =>
        scene.start(process),
      );
      await scene.go({ process: writer ?? 0, until: renews });
      await scene.go({ process: deleter ?? 0 });
      await scene.go({ process: early ?? 0 });
      await scene.go({ process: collector ?? 0, hours });
      await scene.go({ process: writer ?? 0 });
      await expectGoodEnd(scene);
    }
  });
});

const someBackUp = fc.record({
  kind: fc.constant('back-up' as const),
  parent: fc.nat(2),
  change: fc.constantFrom(0, 0, 1),
});
const someDeletion = fc.record({ kind: fc.constant('delete' as const), which: fc.nat(2) });
const aCollection = fc.record(
  { kind: fc.constant('collect' as const), graceMs: fc.constantFrom(0, HOUR_MS, 12 * HOUR_MS) },
  { requiredKeys: ['kind'] },
);
const someWork: fc.Arbitrary<Work> = fc.oneof(someBackUp, someDeletion, aCollection, aCollection);
const processOf = (first: fc.Arbitrary<Work>): fc.Arbitrary<Process> =>
  fc.record({
    work: fc.tuple(first, fc.array(someWork, { maxLength: 2 })).map(([one, more]) => [one, ...more]),
    dies: fc.option(fc.record({ at: fc.nat(40), kind: fc.constantFrom('before' as const, 'after' as const) }), {
      freq: 5,
    }),
  });
const someProcesses = fc.tuple(
  processOf(someBackUp),
  processOf(someDeletion),
  processOf(aCollection),
  processOf(someWork),
);
const someBursts: fc.Arbitrary<Burst[]> = fc.array(
  fc.record({
    process: fc.nat(3),
    calls: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constant(60)),
    hours: fc.oneof(
      { weight: 6, arbitrary: fc.constant(0) },
      { weight: 2, arbitrary: fc.constantFrom(1, 5, 11, 13, -1) },
      { weight: 2, arbitrary: fc.constant(25) },
    ),
  }),
  { minLength: 4, maxLength: 16 },
);

/** A property test for longer than a suite should take: `COFRE_TEST_RUNS=20000`. */
const RUNS = Number(process.env['COFRE_TEST_RUNS'] ?? 300);

describe('I3: any processes', () => {
  it('no backup is hurt by any interleaving, delay or death, and no garbage stays for ever', async () => {
    const play = async (
      processes: readonly Process[],
      bursts: readonly Burst[],
      { trashHours, listsLive }: { readonly trashHours: number | null; readonly listsLive: boolean },
    ) => {
      const scene = await Scene.make([0, 1]);
      scene.nowMs += 48 * HOUR_MS;
      if (trashHours !== null) await trashAll(scene, trashHours);
      scene.listsLive = listsLive;
      for (const process of processes) scene.start(process);
      for (const burst of bursts) await scene.go(burst);
      await expectGoodEnd(scene);
    };
    const beginnings = fc.record({ trashHours: fc.constantFrom(null, 1, 13, 25), listsLive: fc.boolean() });
    await fc.assert(fc.asyncProperty(someProcesses, someBursts, beginnings, play), {
      numRuns: RUNS,
    });
  }, 600_000);
});
