import { CofreError } from '@cofre/contracts';
import { KEYS_PREFIX, rootPath } from '../format/constants.ts';
import { decodeKeyFile, type KeyFile, KeyWrapper, type RootSecrets, type WrappingSecret } from '../format/key-file.ts';
import { encryptedKeyring, type Keyring } from '../format/keyring.ts';
import { decodeRoot } from '../format/root-file.ts';
import type { BlobStore } from '../ports.ts';

export interface RootKeysPlace {
  readonly store: BlobStore;
  readonly repositoryId: string;
  /** What `cofre.json` lists. */
  readonly firstRootKeyIds: readonly string[];
  readonly wrapper: KeyWrapper;
}

export interface OpenedKeyFile {
  readonly file: KeyFile;
  readonly secrets: RootSecrets;
}

interface OpeningKey {
  readonly key: WrappingSecret;
  /** Throws where `cofre.json` was changed. */
  checkFirst(keyring: Keyring): void;
}

/**
 * The root keys of an open repository: those that it lists, and those that the given key opens. Root keys are only ever
 * added, also by others while we run; `refresh` learns of them.
 */
export class RootKeys {
  readonly keyring: Keyring;
  readonly wrapper: KeyWrapper;
  readonly #store: BlobStore;
  readonly #listed: string[];
  readonly #rootKeys = new Map<string, Buffer>();
  readonly #own = new Map<string, KeyFile>();
  readonly #idKey: Buffer;
  #refreshing: Promise<boolean> | null = null;

  constructor({ store, repositoryId, firstRootKeyIds, wrapper }: RootKeysPlace, own: readonly OpenedKeyFile[]) {
    const [first] = own;
    if (first === undefined) throw keyWrong(store, wrapper);
    this.#store = store;
    this.wrapper = wrapper;
    this.#listed = [...firstRootKeyIds];
    this.#idKey = first.secrets.idKey;
    this.#remember(own);
    const secrets = { rootKeys: this.#rootKeys, listedRootKeyIds: this.#listed, idKey: this.#idKey };
    this.keyring = encryptedKeyring(repositoryId, secrets);
  }

  /** Throws `repository/key-wrong`. */
  static async open(place: Omit<RootKeysPlace, 'wrapper'> & OpeningKey): Promise<RootKeys> {
    const { store, repositoryId, firstRootKeyIds } = place;
    const wrapper = new KeyWrapper(place.key, repositoryId);
    // A root key is listed after its key files are there: looked at in this order, none is listed that was not yet wrapped.
    const further = await readRootFiles(store, firstRootKeyIds.length);
    const own = await openKeyFiles(wrapper, await readKeyFiles(store));
    const keys = new RootKeys({ store, repositoryId, firstRootKeyIds, wrapper }, own);
    place.checkFirst(keys.keyring);
    for (const bytes of further) keys.#list(bytes);
    // A rotation that was killed may have left one that nothing lists: it opens no object.
    if (!keys.listed.some((id) => keys.#rootKeys.has(id))) throw keyWrong(store, wrapper);
    return keys;
  }

  /** The oldest first. */
  get listed(): readonly string[] {
    return this.#listed;
  }

  get idKey(): Buffer {
    return this.#idKey;
  }

  /** The key files that the given key opened. */
  get own(): readonly KeyFile[] {
    return [...this.#own.values()];
  }

  isOpened(rootKeyId: string): boolean {
    return this.#rootKeys.has(rootKeyId);
  }

  /** What has to be wrapped for a key that is to open all and opens `present`. Throws where the given key does not open that. */
  secretsBeside(present: ReadonlySet<string>): RootSecrets[] {
    return this.#listed
      .filter((rootKeyId) => !present.has(rootKeyId))
      .map((rootKeyId) => {
        const rootKey = this.#rootKeys.get(rootKeyId);
        if (rootKey === undefined) throw leftOut(this.#store);
        return { rootKeyId, rootKey, idKey: this.#idKey };
      });
  }

  /** Throws where a rotation left the given key out: what it wrote would be sealed with a root key that was given up. */
  requireNewest(): void {
    if (!this.isOpened(this.keyring.currentRootKeyId)) throw leftOut(this.#store);
  }

  /** Throws where the given key does not open all that is listed. */
  requireAll(): void {
    this.secretsBeside(new Set());
  }

  /** Whether a root key was listed since we looked; one question to the store where none was. */
  refresh(): Promise<boolean> {
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  async #refresh(): Promise<boolean> {
    const further = await readRootFiles(this.#store, this.#listed.length);
    if (further.length === 0) return false;
    this.#remember(await openKeyFiles(this.wrapper, await readKeyFiles(this.#store)));
    for (const bytes of further) this.#list(bytes);
    return true;
  }

  #list(bytes: Uint8Array): void {
    this.#listed.push(decodeRoot(this.#listed.length + 1, bytes, this.keyring).rootKeyId);
  }

  #remember(own: readonly OpenedKeyFile[]): void {
    for (const { file, secrets } of own) {
      this.#own.set(file.id, file);
      this.#rootKeys.set(secrets.rootKeyId, secrets.rootKey);
    }
  }
}

/** Asked for one by one: a listing may be stale, and there are as many as there were rotations. */
async function readRootFiles(store: BlobStore, listed: number): Promise<Uint8Array[]> {
  const files: Uint8Array[] = [];
  for (let number = listed + 1; (await store.stat(rootPath(number))) !== null; number++)
    files.push(await store.get(rootPath(number)));
  return files;
}

export async function readKeyFiles(store: BlobStore): Promise<KeyFile[]> {
  const files: KeyFile[] = [];
  for await (const { path } of store.list(KEYS_PREFIX)) files.push(decodeKeyFile(path, await store.get(path)));
  return files;
}

/** A slot is what has one salt; a key that opened something of one is not tried on others, since each try costs a stretching. */
export async function openKeyFiles(wrapper: KeyWrapper, files: readonly KeyFile[]): Promise<OpenedKeyFile[]> {
  const opened: OpenedKeyFile[] = [];
  for (const file of files.toSorted(byAge)) {
    const [known] = opened;
    if (known !== undefined && known.file.kdf.salt !== file.kdf.salt) continue;
    const secrets = await wrapper.unwrap(file);
    if (secrets !== null) opened.push({ file, secrets });
  }
  return opened;
}

/** The same order for everybody, also of what was written at one instant. */
export function byAge(a: Pick<KeyFile, 'createdAt' | 'id'>, b: Pick<KeyFile, 'createdAt' | 'id'>): number {
  return a.createdAt === b.createdAt ? compareText(a.id, b.id) : compareText(a.createdAt, b.createdAt);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : 1;
}

function keyWrong(store: BlobStore, { kind }: KeyWrapper): CofreError {
  return new CofreError(
    'repository/key-wrong',
    `The ${kind === 'passphrase' ? 'passphrase' : 'key file'} does not open the repository at ${store.url}. Nothing was read.`,
  );
}

function leftOut(store: BlobStore): CofreError {
  return new CofreError(
    'repository/key-wrong',
    `A root key was added to the repository at ${store.url} that the given key does not open. Nothing was written.`,
    {
      hint: 'Who has a key that opens all can let this one open it, too: `cofre repo key add`, with this key as the new one.',
    },
  );
}
