import { assert, type BackupDocument, isCofreError } from '@cofre/contracts';
import {
  completeTogether,
  inLanes,
  type Outcome,
  type PackWriter,
  packPath,
  type Repository,
  type RowBatch,
  type SnapshotFacts,
  type TogetherOptions,
  type WriteLease,
  withBlockCache,
} from '@cofre/engine';
import {
  captureSlices,
  giveBack,
  markLineage,
  rowsOfMembers,
  type Slice,
  type SliceTable,
  type TableProbe,
} from '@cofre/postgres';
import { hasPlatformRows } from '../modules/platform-rows.ts';
import type { ServiceContext } from '../service-context.ts';
import { type ComposedSlices, composeSlices, type ReadPart, type SliceOwner } from './compose-slices.ts';
import type { ConfigBudget } from './config-rows.ts';
import { backupQuery, toBackupDocument } from './find-backup.ts';
import { findParentsOfMany, NO_PARENTS } from './find-parents.ts';
import { markCompleted } from './mark-completed.ts';
import { settleInterrupted, withInterrupted } from './recover-interrupted.ts';
import type { SharedWork } from './shared-work.ts';
import { BackupJob, type BackupRequest, insertRows } from './take-backup.ts';

/** More of one snapshot would hold too much in memory: a manifest and the facts of each. */
export const BACKUPS_TOGETHER_MAX = 1000;

/** Rows of one backup are gathered up to this size, and written while those of the next are read. */
const GATHERED_BYTES_MAX = 256 * 1024;

/** Configuration that all of them together may put into the catalogue. */
const CONFIG_BYTES_MAX = 64 * 1024 * 1024;

const LANES = 8;

/** What became of one request; a `backup` of null: an earlier one holds the same. */
export type Taken = Outcome<{ readonly backup: BackupDocument | null }>;

/**
 * Takes several backups of one snapshot: the schema is looked at once for all implementations that share a definition, small
 * tables are read in one pass for all of them, and their blocks lie in the same packs. The caller holds the locks of all
 * implementations. One that fails leaves the others whole; what fails for all of them together is tried one by one.
 */
export async function takeBackups(
  context: ServiceContext,
  requests: readonly BackupRequest[],
  shared: SharedWork,
): Promise<readonly Taken[]> {
  const repository = await context.openRepository();
  const refs = requests.map(({ slice }) => slice.ref);
  for (const id of await withInterrupted(context.catalogue, refs))
    await settleInterrupted(context.catalogue, id, repository);
  // Before any manifest is read that they will build on. One that cannot be had fails each of them in the list.
  const lease = shared.lease(repository);
  const taken = await lease.catch(() => null);
  const near = repository.through(withBlockCache(repository.store));
  const wanted = requests.map(({ slice, type }) => ({ ref: slice.ref, type }));
  const parents = taken === null ? null : await findParentsOfMany(context, near, wanted);
  const members = requests.map((request): Member => {
    const found = parents === null ? NO_PARENTS : parents.get(request.slice.ref.id);
    assert(found !== undefined, 'all were looked for');
    if ('failure' in found) return { request, job: null, state: { is: 'failed', thrown: found.failure } };
    const job = new BackupJob({ context, request, repository: near, lease, parents: found });
    return { request, job, state: { is: 'open' } };
  });
  await new Batch(context, { repository, lease: taken, members }).run();
  return outcomesOf(context, members);
}

/** One request, and how far it came. */
interface Member {
  readonly request: BackupRequest;
  readonly job: BackupJob | null;
  state:
    | { readonly is: 'open' }
    | { readonly is: 'done' }
    | { readonly is: 'held' }
    | { readonly is: 'failed'; readonly thrown: unknown };
}

type OpenMember = Member & { readonly job: BackupJob };

class Owner implements SliceOwner {
  readonly member: OpenMember;

  constructor(member: OpenMember) {
    this.member = member;
  }

  get slice() {
    return this.member.request.slice;
  }

  reads(table: SliceTable): boolean {
    return this.member.job.reads(table);
  }

  readsAlone(table: SliceTable): boolean {
    return this.member.job.readsAlone(table);
  }
}

/** What was captured of those that have a slice. */
interface CapturedTogether {
  readonly snapshot: SnapshotFacts;
  readonly slices: readonly { readonly member: OpenMember; readonly slice: Slice }[];
}

class Batch {
  readonly #context: ServiceContext;
  readonly #repository: Repository;
  readonly #lease: WriteLease | null;
  readonly #members: readonly Member[];

  constructor(
    context: ServiceContext,
    options: {
      readonly repository: Repository;
      readonly lease: WriteLease | null;
      readonly members: readonly Member[];
    },
  ) {
    this.#context = context;
    this.#repository = options.repository;
    this.#lease = options.lease;
    this.#members = options.members;
  }

  async run(): Promise<void> {
    // What may not be kept is in the list from when it is known that it will be.
    await this.#list(this.#open().filter(({ request }) => request.skipIfHeldUntil === undefined));
    if (await hasPlatformRows(this.#context.catalogue)) await this.#each(this.#open(), ({ job }) => job.readPlatform());
    for (const members of Map.groupBy(this.#open(), ({ request }) => request.compression).values()) {
      if (this.#lease === null) break;
      try {
        await this.#together(members, this.#lease);
      } catch {
        // What is wrong is wrong with one of them: alone each meets it, or does not, and says it better.
      }
    }
    for (const member of this.#open()) await this.#alone(member);
  }

  #open(): readonly OpenMember[] {
    return this.#members.filter((member): member is OpenMember => member.job !== null && member.state.is === 'open');
  }

  async #list(members: readonly OpenMember[]): Promise<void> {
    if (members.length === 0) return;
    const rows = await Promise.all(members.map(async ({ job }) => ({ job, ...(await job.row()) })));
    await insertRows(
      this.#context.catalogue,
      rows.map(({ row }) => row),
    );
    for (const { job, expiry } of rows) job.wasListed(expiry);
  }

  async #together(members: readonly OpenMember[], lease: WriteLease): Promise<void> {
    const capture = new JointCapture(this.#context, {
      members,
      repository: this.#repository,
      onFailure: (member, thrown) => this.#fail(member, thrown),
    });
    try {
      const captured = await capture.run();
      await this.#settleHeld(captured);
      await this.#complete(captured, { repository: this.#repository, lease, packs: capture.packs });
    } finally {
      await capture.packs.settle();
    }
  }

  /** Those of which an earlier backup holds the same are not kept; the others are in the list from here on. */
  async #settleHeld({ slices }: CapturedTogether): Promise<void> {
    const looks = new Map<string, Promise<boolean>>();
    const isThere = (pack: string): Promise<boolean> => {
      const look = looks.get(pack) ?? this.#repository.store.stat(packPath(pack)).then((info) => info !== null);
      looks.set(pack, look);
      return look;
    };
    const skippable = slices.filter(({ member }) => member.request.skipIfHeldUntil !== undefined);
    const sliceOf = new Map(skippable.map(({ member, slice }) => [member, slice]));
    const open = [...sliceOf.keys()].filter(({ state }) => state.is === 'open');
    await this.#each(open, async (member) => {
      const slice = sliceOf.get(member);
      if (slice !== undefined && (await member.job.isHeld({ slice }, isThere))) member.state = { is: 'held' };
    });
    await this.#list(open.filter(({ state }) => state.is === 'open'));
  }

  async #complete({ slices, snapshot }: CapturedTogether, place: TogetherOptions): Promise<void> {
    const open = slices.filter(({ member }) => member.state.is === 'open');
    if (open.length === 0) return;
    await this.#markLineage(open.map(({ member }) => member.job.id));
    const backups = await Promise.all(
      open.map(async ({ member: { job }, slice }) => ({
        writer: job.writer,
        head: await job.headOf({ slice, snapshot }),
      })),
    );
    const completed = await completeTogether(backups, place);
    const done = open.flatMap(({ member }, index) => {
      const outcome = completed[index];
      assert(outcome !== undefined, 'each has an outcome');
      return 'failure' in outcome ? [] : [{ member, columns: member.job.stored(outcome) }];
    });
    for (const [index, { member }] of open.entries()) {
      const outcome = completed[index];
      if (outcome !== undefined && 'failure' in outcome) await this.#fail(member, outcome.failure);
    }
    const rows = done.map(({ member, columns }) => ({ id: member.job.id, columns }));
    try {
      await markCompleted(this.#context.catalogue, rows);
      for (const { member } of done) member.state = { is: 'done' };
      for (const { member } of done) await member.job.tellOfContradictions();
    } catch (error) {
      // Their manifests are in the repository: the next command marks them completed.
      for (const { member } of done) member.state = { is: 'failed', thrown: error };
    }
  }

  async #markLineage(ids: readonly string[]): Promise<void> {
    const { database } = this.#context;
    const client = await database.connect({ applicationName: 'cofre lineage' });
    try {
      await markLineage(client, ...ids);
    } finally {
      await giveBack(database, client);
    }
  }

  async #alone(member: OpenMember): Promise<void> {
    try {
      member.state = { is: (await member.job.run()) === 'held' ? 'held' : 'done' };
    } catch (error) {
      await this.#fail(member, error);
    }
  }

  /** Ends one, whatever becomes of the others. */
  async #fail(member: Member, thrown: unknown): Promise<void> {
    member.state = { is: 'failed', thrown };
    // Stopped because the session with the locks broke off: that is a failure to be seen, not somebody's wish.
    const reason: unknown = this.#context.signal?.reason;
    await member.job?.markEnded(isCofreError(reason) ? reason : thrown);
  }

  async #each(members: readonly OpenMember[], work: (member: OpenMember) => Promise<void>): Promise<void> {
    await inLanes(LANES, members, async (member) => {
      try {
        await work(member);
      } catch (error) {
        await this.#fail(member, error);
      }
      return {};
    });
  }
}

interface JointCaptureOptions {
  readonly members: readonly OpenMember[];
  readonly repository: Repository;
  readonly onFailure: (member: OpenMember, thrown: unknown) => Promise<void>;
}

/** Reads the slices of several backups in one snapshot, and hands each its rows. */
class JointCapture {
  readonly #context: ServiceContext;
  readonly #options: JointCaptureOptions;
  readonly #composed = new WeakMap<Slice, ComposedSlices<Owner>>();
  /** The schema is looked at several times; each look makes tables of its own. */
  readonly #parts = new WeakMap<SliceTable, ReadPart<Owner>>();
  #packs: PackWriter;

  constructor(context: ServiceContext, options: JointCaptureOptions) {
    this.#context = context;
    this.#options = options;
    this.#packs = this.#newPacks();
  }

  get packs(): PackWriter {
    return this.#packs;
  }

  async run(): Promise<CapturedTogether> {
    const { database, settings, signal } = this.#context;
    const owners = this.#options.members.map((member) => new Owner(member));
    await this.#startWriters();
    const { slice, snapshot } = await captureSlices({
      database,
      readers: settings.readers,
      lockTimeoutMs: settings.lockTimeoutMs,
      signal,
      resolve: async (client) => {
        const composed = await composeSlices(client, owners);
        this.#composed.set(composed.slice, composed);
        for (const [table, part] of composed.parts) this.#parts.set(table, part);
        return composed.slice;
      },
      readSql: (table) => {
        const part = this.#partOf(table);
        return part.kind === 'together' ? part.sql : undefined;
      },
      onTable: (table, batches, probe) => this.#writePart(table, batches, probe),
      onRetry: async () => {
        await this.#packs.settle();
        this.#packs = this.#newPacks();
        await this.#startWriters();
      },
    });
    const composed = this.#composed.get(slice);
    assert(composed !== undefined, 'what was captured was composed');
    return { snapshot, slices: [...composed.slices].map(([{ member }, own]) => ({ member, slice: own })) };
  }

  #newPacks(): PackWriter {
    const { members, repository } = this.#options;
    const compression = members[0]?.request.compression ?? repository.compression;
    return repository.startPacks({ compression, signal: this.#context.signal });
  }

  async #startWriters(): Promise<void> {
    const configBudget: ConfigBudget = { bytesLeft: CONFIG_BYTES_MAX };
    for (const { job } of this.#options.members) await job.startWriter({ packs: this.#packs, configBudget });
  }

  #partOf(table: SliceTable): ReadPart<Owner> {
    const part = this.#parts.get(table);
    assert(part !== undefined, 'every table was composed');
    return part;
  }

  // oxlint-disable-next-line max-params
  async #writePart(table: SliceTable, batches: AsyncIterable<RowBatch>, probe: TableProbe): Promise<void> {
    const part = this.#partOf(table);
    if (part.kind === 'own') {
      // Where this fails its own reading has failed, and with it the capture.
      await part.owner.member.job.writeTable(table, batches, probe);
      return;
    }
    const lanes = new Lanes(LANES);
    const left = new Map(part.tables);
    try {
      for await (const { member: number, batches: rows } of rowsOfMembers(batches)) {
        const place = left.get(number);
        assert(place !== undefined, 'rows are of those that were asked about');
        left.delete(number);
        const { gathered, isWhole } = await gather(rows);
        const write = () => this.#write(place, isWhole ? eachOf(gathered) : thenAll(gathered, rows));
        await (isWhole ? lanes.start(write) : write());
      }
      for (const place of left.values()) await lanes.start(() => this.#write(place, eachOf([])));
    } finally {
      await lanes.end();
    }
  }

  /** One that fails takes no other along: its rows are taken all the same. */
  async #write(
    { owner: { member }, table }: { readonly owner: Owner; readonly table: SliceTable },
    batches: AsyncIterable<RowBatch>,
  ): Promise<void> {
    if (member.state.is === 'open') {
      try {
        await member.job.writeTable(table, batches, NO_PROBE);
      } catch (error) {
        await this.#options.onFailure(member, error);
      }
    }
    for await (const _ of batches);
  }
}

/** Tables of which it may be asked what changed are read alone. */
const NO_PROBE: TableProbe = {
  obstacle: () => Promise.resolve('it is read along with those of other implementations'),
  open: () => {
    throw new Error('a table that is read along with others cannot be probed');
  },
};

/** The first rows of one member, copied, as far as they are few. */
async function gather(
  rows: AsyncIterable<RowBatch>,
): Promise<{ readonly gathered: readonly RowBatch[]; readonly isWhole: boolean }> {
  const gathered: RowBatch[] = [];
  const iterator = rows[Symbol.asyncIterator]();
  let bytes = 0;
  while (bytes <= GATHERED_BYTES_MAX) {
    const next: IteratorResult<RowBatch, unknown> = await iterator.next();
    if (next.done === true) return { gathered, isWhole: true };
    gathered.push(next.value);
    bytes += next.value.bytes.length;
  }
  return { gathered, isWhole: false };
}

async function* eachOf(batches: readonly RowBatch[]): AsyncGenerator<RowBatch, void, void> {
  yield* batches;
}

async function* thenAll(
  first: readonly RowBatch[],
  rest: AsyncIterable<RowBatch>,
): AsyncGenerator<RowBatch, void, void> {
  yield* first;
  yield* rest;
}

/** Lets so many pieces of work run at the same time. The first failure is thrown by what comes next. */
class Lanes {
  readonly #max: number;
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly thrown: unknown } | null = null;

  constructor(max: number) {
    this.#max = max;
  }

  async start(work: () => Promise<void>): Promise<void> {
    while (this.#running.size >= this.#max) await Promise.race(this.#running);
    if (this.#failure !== null) throw this.#failure.thrown;
    const running = work()
      .catch((thrown: unknown) => {
        this.#failure ??= { thrown };
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async end(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#failure !== null) throw this.#failure.thrown;
  }
}

async function outcomesOf(context: ServiceContext, members: readonly Member[]): Promise<readonly Taken[]> {
  const done = members.flatMap(({ job, state }) => (job !== null && state.is === 'done' ? [job.id] : []));
  const rows = done.length === 0 ? [] : await backupQuery(context.catalogue).where('b.id', 'in', done).execute();
  const documents = new Map(rows.map((row) => [row.id, toBackupDocument(row)]));
  return members.map(({ job, state }): Taken => {
    if (state.is === 'failed') return { failure: state.thrown };
    if (state.is === 'held' || job === null) return { backup: null };
    const backup = documents.get(job.id);
    if (backup === undefined) return { failure: new Error(`the backup ${job.id} is not in the catalogue any more`) };
    context.onEnded?.({ kind: 'backup', type: backup.type, result: 'completed', ...backup.stats });
    return { backup };
  });
}
