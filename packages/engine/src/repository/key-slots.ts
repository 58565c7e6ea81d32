import { CofreError } from '@cofre/contracts';
import { keyPath, rootPath } from '../format/constants.ts';
import { decodeKeyFile, type KeyFile, KeyWrapper, type RootSecrets, type WrappingSecret } from '../format/key-file.ts';
import { decodeRoot, encodeRoot } from '../format/root-file.ts';
import type { BlobStore, Clock, Random } from '../ports.ts';
import { byAge, openKeyFiles, readKeyFiles, type RootKeys } from './root-keys.ts';

/** What a passphrase or key file opens: one key file for each root key, all under one salt. */
export interface KeySlot {
  /** That of its oldest key file. */
  readonly id: string;
  readonly kind: 'passphrase' | 'key-file';
  readonly createdAt: string;
  /** Of those that the repository lists. */
  readonly rootKeyIds: readonly string[];
  /** Opens all root keys; else a rotation left it out, and it reads only what is older. */
  readonly isWhole: boolean;
  /** The key that the repository is open with belongs to it. */
  readonly isOwn: boolean;
}

/** What changes of keys work with. */
export interface KeyChange {
  readonly store: BlobStore;
  readonly repositoryId: string;
  readonly keys: RootKeys;
  readonly random: Random;
  readonly clock: Clock;
}

interface SlotWithFiles {
  readonly slot: KeySlot;
  /** Only those of root keys that are listed: others belong to a rotation that was killed, or goes on at this moment. */
  readonly files: readonly KeyFile[];
}

export async function listSlots({ store, keys }: Pick<KeyChange, 'store' | 'keys'>): Promise<KeySlot[]> {
  return (await readSlots({ store, keys })).map(({ slot }) => slot);
}

async function readSlots({ store, keys }: Pick<KeyChange, 'store' | 'keys'>): Promise<SlotWithFiles[]> {
  await keys.refresh();
  const own = new Set(keys.own.map(({ id }) => id));
  const bySalt = Map.groupBy(await readKeyFiles(store), ({ kdf }) => kdf.salt);
  const slots: SlotWithFiles[] = [];
  for (const all of bySalt.values()) {
    const files = all.filter(({ rootKeyId }) => keys.listed.includes(rootKeyId)).toSorted(byAge);
    const [oldest] = files;
    if (oldest === undefined) continue;
    const { id, kind, createdAt } = oldest;
    const rootKeyIds = keys.listed.filter((listed) => files.some(({ rootKeyId }) => rootKeyId === listed));
    const isWhole = rootKeyIds.length === keys.listed.length;
    const isOwn = files.some((file) => own.has(file.id));
    slots.push({ files, slot: { id, kind, createdAt, rootKeyIds, isWhole, isOwn } });
  }
  return slots.toSorted((a, b) => byAge(a.slot, b.slot));
}

/**
 * Lets another passphrase or key file open all that the given key opens. One that a rotation left out, or whose addition was
 * killed, is made whole; one that opens all already stays as it is.
 */
export async function addSlot(change: KeyChange, newKey: WrappingSecret): Promise<{ slot: KeySlot; isNew: boolean }> {
  const { store, keys, random, clock } = change;
  await keys.refresh();
  const wrapper = new KeyWrapper(newKey, change.repositoryId);
  const opened = await openKeyFiles(wrapper, await readKeyFiles(store));
  const kdf = opened[0]?.file.kdf ?? wrapper.newKdf(random);
  const present = new Set(opened.map(({ secrets }) => secrets.rootKeyId));
  const createdAt = clock.now().toISOString();
  let isNew = false;
  // A rotation that goes on beside us may list one more while we write.
  do {
    for (const secrets of keys.secretsBeside(present)) {
      await putKeyFile(store, { wrapper, secrets, file: await wrapper.wrap(secrets, { kdf, random, createdAt }) });
      present.add(secrets.rootKeyId);
      isNew = true;
    }
  } while (await keys.refresh());
  const added = (await readSlots(change)).find(({ files }) => files.some((file) => file.kdf.salt === kdf.salt));
  if (added === undefined) throw busy('It was removed at the same moment.');
  return { slot: added.slot, isNew };
}

/**
 * Takes a slot away. The key that the repository is open with stays, so that one always opens it. Who copied the slot's key
 * files before can open with them what they copied, and whatever is sealed with the same root keys later.
 */
export async function removeSlot(change: KeyChange, id: string): Promise<KeySlot> {
  const { store, keys } = change;
  const { slot, files } = findSlot(await readSlots(change), id);
  if (slot.isOwn) {
    throw needed('It is the key that the repository was opened with. Nothing was removed.', {
      hint: 'Open the repository with another key to remove this one; `cofre repo key add` adds one.',
    });
  }
  if (slot.rootKeyIds.some((rootKeyId) => !keys.isOpened(rootKeyId))) {
    throw needed('It opens what the given key does not, so that this might be lost to all. Nothing was removed.', {
      hint: 'Open the repository with a key that opens all; `cofre repo key list` shows which do.',
    });
  }
  await requireOwn(change);
  // The newest root key first: where this is killed, what is left is like a key that a rotation left out.
  for (const file of files.toSorted((a, b) => keys.listed.indexOf(b.rootKeyId) - keys.listed.indexOf(a.rootKeyId)))
    await store.delete(keyPath(file.id));
  await keep(store, keys.own);
  await keys.refresh();
  if (!keys.listed.every((rootKeyId) => keys.isOpened(rootKeyId))) {
    // It has rotated meanwhile and left us out: without it nobody would open everything.
    await keep(store, files);
    throw busy('The key has added a root key at the same moment. It was not removed.');
  }
  return slot;
}

/**
 * Adds a root key, with which everything new is sealed from now on; what is there stays readable with the old ones. Only the
 * slot that the repository is open with can be given it, because the others' secrets are not at hand; gives those that were
 * left out.
 */
export async function rotateRoot(change: KeyChange): Promise<{ rootKeyId: string; leftOut: KeySlot[] }> {
  const { store, keys, random, clock } = change;
  await keys.refresh();
  keys.requireAll();
  const [own] = keys.own;
  if (own === undefined) throw busy('The key that the repository was opened with was removed.');
  const createdAt = clock.now().toISOString();
  const rootKeyId = Buffer.from(random.bytes(16)).toString('hex');
  const secrets: RootSecrets = { rootKeyId, rootKey: Buffer.from(random.bytes(32)), idKey: keys.idKey };
  const file = await keys.wrapper.wrap(secrets, { kdf: own.kdf, random, createdAt });
  // Wrapped before it is listed: nothing is ever sealed with a root key that no key opens.
  await putKeyFile(store, { wrapper: keys.wrapper, secrets, file });
  const number = keys.listed.length + 1;
  const bytes = encodeRoot({ number, rootKeyId, createdAt }, keys.keyring);
  if (!(await store.put(rootPath(number), bytes, { ifAbsent: true }))) {
    // Either somebody else was faster, or the answer to our own put was lost and it was repeated.
    const listed = decodeRoot(number, await store.get(rootPath(number)), keys.keyring);
    if (listed.rootKeyId !== rootKeyId) throw busy('Somebody else has just added a root key.');
  }
  await keys.refresh();
  await keep(store, keys.own);
  const leftOut = (await listSlots(change)).filter((slot) => !slot.isOwn && !slot.rootKeyIds.includes(rootKeyId));
  return { rootKeyId, leftOut };
}

/** Reads back what was put: a root key whose wrapping does not open must not be used. */
async function putKeyFile(
  store: BlobStore,
  { wrapper, secrets, file }: { readonly wrapper: KeyWrapper; readonly secrets: RootSecrets; readonly file: KeyFile },
): Promise<void> {
  const path = keyPath(file.id);
  await store.put(path, encodeKeyFile(file));
  const reopened = await wrapper.unwrap(decodeKeyFile(path, await store.get(path)));
  if (reopened?.rootKey.equals(secrets.rootKey) !== true || !reopened.idKey.equals(secrets.idKey))
    throw new CofreError('storage/unavailable', `${path} could not be read back as it was written.`);
}

export function encodeKeyFile(file: KeyFile): Buffer {
  return Buffer.from(`${JSON.stringify(file, null, 2)}\n`, 'utf8');
}

async function requireOwn({ store, keys }: KeyChange): Promise<void> {
  for (const file of keys.own)
    if ((await store.stat(keyPath(file.id))) === null)
      throw busy('The key that the repository was opened with was removed. Nothing was removed.');
}

/** Of two who remove each other's key at once, each puts its own back: better one key too many than none. */
async function keep(store: BlobStore, files: readonly KeyFile[]): Promise<void> {
  for (const file of files) await store.put(keyPath(file.id), encodeKeyFile(file), { ifAbsent: true });
}

/** As of backups. */
const ID_PREFIX_MIN = 4;

function findSlot(slots: readonly SlotWithFiles[], id: string): SlotWithFiles {
  const fitting = id.length < ID_PREFIX_MIN ? [] : slots.filter(({ slot }) => slot.id.startsWith(id));
  const [only, another] = fitting;
  if (only !== undefined && another === undefined) return only;
  const why = only === undefined ? 'The repository has no key' : 'The repository has several keys that begin with';
  throw new CofreError('repository/key-not-found', `${why} ${id}. Nothing was removed.`, { params: { key: id } });
}

function needed(why: string, options: { readonly hint: string }): CofreError {
  return new CofreError('repository/key-needed', why, options);
}

function busy(why: string): CofreError {
  return new CofreError('repository/keys-busy', why);
}
