import {
  backupId,
  type CheckDocument,
  CofreError,
  type Compression,
  isCofreError,
  type BackupId,
  type ImplementationId,
  implementationId,
  repositoryId,
  type RepositoryId,
} from '@cofre/contracts';
import { checkConfigMac, type ConfigBody, decodeConfig, encodeConfig } from '../format/config-file.ts';
import { CONFIG_PATH, keyPath, manifestPath, packPath, ROOTS_PREFIX } from '../format/constants.ts';
import { KeyWrapper, type RootSecrets, type WrappingSecret } from '../format/key-file.ts';
import { plainKeyring } from '../format/keyring.ts';
import type { BlockRef, Manifest, ManifestTable, RangeEntry } from '../format/manifest.ts';
import { decodeManifest, decodeRanges } from '../format/manifest-schema.ts';
import { checksumOf, openBlock, PACK_HEADER_BYTES, type SealedKey, sealedKeyOf } from '../format/pack.ts';
import { damaged } from '../format/seal.ts';
import { type ObjectSealing, openObject, sealObject } from '../format/sealed-object.ts';
import { WriteLease } from '../garbage/write-lease.ts';
import type { BlobStore, Clock, Codecs, Random } from '../ports.ts';
import type { RowBatch } from '../rows/layout.ts';
import { BackupWriter, type BackupWriterOptions } from './backup-writer.ts';
import { type CheckOptions, checkBackup, checkRepository } from './check-repository.ts';
import {
  addSlot,
  encodeKeyFile,
  type KeyChange,
  type KeySlot,
  listSlots,
  removeSlot,
  rotateRoot,
} from './key-slots.ts';
import { PackWriter } from './pack-writer.ts';
import { presentStore, repositoryNotFound, requirePresent } from './present-store.ts';
import { layoutOf, readRange, readRangeKeys, readRows, type StoredLayout } from './read-rows.ts';
import { readKeyFiles, RootKeys } from './root-keys.ts';
import type { BlockKind, ManifestInfo, ObjectKind, RepositoryInfo, RepositoryKey } from './types.ts';

export interface OpenOptions {
  readonly store: BlobStore;
  readonly codecs: Codecs;
  readonly clock: Clock;
  readonly random: Random;
  readonly key: RepositoryKey;
}

/** Opened packs whose keys are remembered. Each costs some hundred bytes. */
const REMEMBERED_PACKS_MAX = 4096;

/** Where backups live: self-describing, readable with no database (design §5). Opening checks the key before anything is read. */
export class Repository {
  readonly id: RepositoryId;
  readonly encrypted: boolean;
  /** What a backup uses that does not say otherwise. */
  readonly compression: Compression;
  readonly store: BlobStore;
  readonly sealing: ObjectSealing;
  readonly #config: ConfigBody;
  readonly #clock: Clock;
  /** null: a plain repository. */
  readonly #keys: RootKeys | null;
  readonly #packKeys = new Map<string, Promise<SealedKey>>();

  private constructor(options: Omit<OpenOptions, 'key'>, config: ConfigBody, keys: RootKeys | null) {
    this.#config = config;
    this.#clock = options.clock;
    this.#keys = keys;
    this.id = config.id;
    this.encrypted = config.encryption !== 'none';
    this.compression = config.compression;
    this.store = presentStore(options.store);
    const keyring = keys?.keyring ?? plainKeyring(config.id);
    this.sealing = { keyring, codecs: options.codecs, random: options.random };
  }

  /** Makes an empty repository. Key files come first and `cofre.json` last: a crash between leaves no repository. */
  static async init(options: OpenOptions & { readonly compression: Compression }): Promise<Repository> {
    const { store, random, key } = options;
    await refuseOccupied(store);
    const createdAt = options.clock.now().toISOString();
    const id = repositoryId.parse(random.uuid());
    const keys = key.kind === 'none' ? null : await firstRootKey(options, { id, key, createdAt });
    const config: ConfigBody = {
      format: 1,
      id,
      createdAt,
      encryption: key.kind === 'none' ? 'none' : 'aes-256-gcm',
      compression: options.compression,
      rootKeyIds: [...(keys?.listed ?? [])],
    };
    const keyring = keys?.keyring ?? plainKeyring(id);
    if (!(await store.put(CONFIG_PATH, encodeConfig(config, keyring), { ifAbsent: true }))) {
      // Somebody else was faster; a key that opens nothing would only confuse.
      for (const file of keys?.own ?? []) await store.delete(keyPath(file.id));
      throw occupied(store);
    }
    return new Repository(options, config, keys);
  }

  static async open(options: OpenOptions): Promise<Repository> {
    const { body, mac } = decodeConfig(await readConfig(options.store));
    if (body.encryption === 'none') {
      if (options.key.kind !== 'none')
        throw new CofreError(
          'repository/key-not-wanted',
          `A key was given, but the repository at ${options.store.url} is not encrypted.`,
        );
      checkConfigMac(body, mac, plainKeyring(body.id));
      return new Repository(options, body, null);
    }
    if (options.key.kind === 'none')
      throw new CofreError('repository/key-required', `The repository at ${options.store.url} is encrypted.`);
    const keys = await RootKeys.open({
      store: options.store,
      key: options.key,
      repositoryId: body.id,
      firstRootKeyIds: body.rootKeyIds,
      checkFirst: (keyring) => checkConfigMac(body, mac, keyring),
    });
    return new Repository(options, body, keys);
  }

  /** The same repository by another way to its store. What was learnt by opening it holds on; no request is made. */
  through(store: BlobStore): Repository {
    const { codecs, random } = this.sealing;
    return new Repository({ store, codecs, random, clock: this.#clock }, this.#config, this.#keys);
  }

  /** The oldest first. */
  get rootKeyIds(): readonly string[] {
    return this.#keys?.listed ?? [];
  }

  async info(): Promise<RepositoryInfo> {
    // An `init` that was killed may have left a key of its own, which opens nothing here.
    const slots = (await readKeyFiles(this.store))
      .filter(({ rootKeyId }) => this.rootKeyIds.includes(rootKeyId))
      .map(({ id, kind, rootKeyId, createdAt }) => ({ id, kind, rootKeyId, createdAt }));
    const { id, format, createdAt, encryption, compression } = this.#config;
    const { rootKeyIds } = this;
    return { id, url: this.store.url, format, createdAt, encryption, compression, rootKeyIds, keySlots: slots };
  }

  /** Who can open it. Empty in a plain repository. */
  async listKeys(): Promise<KeySlot[]> {
    return this.#keys === null ? [] : listSlots({ store: this.store, keys: this.#keys });
  }

  /** Gives false for `isNew` where the key opened everything already. */
  async addKey(key: WrappingSecret): Promise<{ slot: KeySlot; isNew: boolean }> {
    return addSlot(this.#keyChange(), key);
  }

  /** By its id, or how that begins, four characters at least. */
  async removeKey(id: string): Promise<KeySlot> {
    return removeSlot(this.#keyChange(), id);
  }

  /** What is new is sealed with another root key from now on. Gives the keys that do not open it. */
  async rotateRootKey(): Promise<{ rootKeyId: string; leftOut: KeySlot[] }> {
    return rotateRoot(this.#keyChange());
  }

  #keyChange(): KeyChange {
    if (this.#keys === null)
      throw new CofreError('usage/invalid', 'The repository is not encrypted, so that it has no keys.');
    const { random } = this.sealing;
    return { store: this.store, repositoryId: this.id, keys: this.#keys, random, clock: this.#clock };
  }

  /** Before the first manifest is read that a backup will build on. The caller releases it, however the backup ends. */
  async takeLease(): Promise<WriteLease> {
    // Nothing is written to where the repository was before it was taken away.
    await requirePresent(this.store);
    // A process that runs for months goes on with the root key that others have added meanwhile.
    await this.#keys?.refresh();
    this.#keys?.requireNewest();
    return WriteLease.take(this);
  }

  /** Packs that several backups are written into; whoever started them flushes or settles them. */
  startPacks({ compression, signal }: Pick<BackupWriterOptions, 'compression' | 'signal'>): PackWriter {
    return new PackWriter({ ...this.sealing, store: this.store, compression, signal });
  }

  startBackup(options: BackupWriterOptions): BackupWriter {
    return new BackupWriter(this, options);
  }

  /** The plain bytes of a block, opened and checked. Names pack and block where anything differs. */
  async readBlock(ref: BlockRef, kind: BlockKind): Promise<Buffer> {
    const pack = await this.packKey(ref.pack);
    const sealed = await this.store.get(packPath(ref.pack), { offset: ref.offset, length: ref.length });
    return this.openBlock(pack, { ref, kind, sealed });
  }

  async openBlock(
    pack: SealedKey,
    block: { readonly ref: Omit<BlockRef, 'pack'>; readonly kind: BlockKind; readonly sealed: Uint8Array },
  ): Promise<Buffer> {
    const { ref, kind } = block;
    const packed = openBlock(pack, { ...ref, kind }, block.sealed);
    const object = `block ${ref.id.slice(0, 12)} of ${pack.path}`;
    const plain = await this.sealing
      .codecs(ref.compression)
      .decompress(packed, ref.plainBytes)
      .catch((cause: unknown) => {
        throw damaged(object, 'it does not decompress', cause);
      });
    return Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength);
  }

  packKey(packId: string): Promise<SealedKey> {
    const known = this.#packKeys.get(packId);
    if (known) return known;
    const reading = this.#readWithKeys(async () => {
      const header = await this.store.get(packPath(packId), { offset: 0, length: PACK_HEADER_BYTES });
      return sealedKeyOf(this.sealing.keyring, packId, Buffer.from(header));
    });
    if (this.#packKeys.size >= REMEMBERED_PACKS_MAX) this.#packKeys.clear();
    this.#packKeys.set(packId, reading);
    // A pack that is missing now may be brought back while we run.
    reading.catch(() => this.#packKeys.delete(packId));
    return reading;
  }

  async *ranges(table: ManifestTable): AsyncGenerator<RangeEntry> {
    for (const page of table.ranges)
      yield* decodeRanges(`range list of ${table.schema}.${table.name}`, await this.readBlock(page, 'ranges'));
  }

  /** The table's rows in key order, one range a batch, reading ahead. `fromRange` ≤ index < `toRange`. */
  readRows(
    table: ManifestTable,
    options: { readonly fromRange?: number; readonly toRange?: number } = {},
  ): AsyncGenerator<RowBatch> {
    return readRows(this, table, options);
  }

  /** The rows of one range of `ranges`, whole lines in key order. */
  readRange(table: StoredLayout, range: RangeEntry): Promise<Buffer> {
    return readRange(this, table, range);
  }

  /** Their keys alone, as lines of COPY text, without reading the rows. The table must have a key. */
  readRangeKeys(table: StoredLayout, range: RangeEntry): Promise<Buffer> {
    return readRangeKeys(this, layoutOf(table), range);
  }

  /** `checksum`: what is known of it from elsewhere. In a plain repository nothing else tells it from one that somebody else made. */
  async readManifest(
    implementation: ImplementationId,
    backup: BackupId,
    { checksum }: { readonly checksum?: string | null } = {},
  ): Promise<Manifest> {
    const read = await this.readManifestAndChecksum(implementation, backup, { checksum: checksum ?? null });
    return read.manifest;
  }

  /** The same with the checksum of what lies there, for who keeps it from now on. */
  async readManifestAndChecksum(
    implementation: ImplementationId,
    backup: BackupId,
    known: { readonly checksum: string | null } = { checksum: null },
  ): Promise<{ readonly manifest: Manifest; readonly checksum: string }> {
    const path = manifestPath(implementation, backup);
    const object = Buffer.from(await this.store.get(path));
    const checksum = checksumOf(object);
    if (known.checksum !== null && checksum !== known.checksum)
      throw damaged(path, 'it is not the one that was put there: its checksum differs from the one that was kept');
    const plain = await this.#readWithKeys(() => openObject(this.sealing, { path, kind: 'manifest' }, object));
    const manifest = decodeManifest(path, plain);
    if (manifest.backupId !== backup || manifest.repositoryId !== this.id)
      throw damaged(path, 'it is the manifest of another backup');
    return { manifest, checksum };
  }

  async *listManifests(implementation?: ImplementationId): AsyncGenerator<ManifestInfo> {
    let isEmpty = true;
    for await (const info of this.store.list(implementation ? `backups/${implementation}/` : 'backups/')) {
      isEmpty = false;
      const [, owner, backup, ...rest] = info.path.split('/');
      const ids = { implementation: implementationId.safeParse(owner), backup: backupId.safeParse(backup) };
      if (!ids.implementation.success || !ids.backup.success || rest.length > 0) continue;
      const { path, sizeBytes, modifiedAt } = info;
      yield { implementationId: ids.implementation.data, backupId: ids.backup.data, path, sizeBytes, modifiedAt };
    }
    if (isEmpty) await requirePresent(this.store);
  }

  /** Takes a backup out of the repository. Its packs stay until garbage collection finds them unused. */
  async deleteManifest(implementation: ImplementationId, backup: BackupId): Promise<void> {
    await this.store.delete(manifestPath(implementation, backup));
  }

  async putObject(path: string, kind: ObjectKind, plain: Uint8Array): Promise<void> {
    await this.store.put(path, await sealObject(this.sealing, { path, kind }, plain));
  }

  async getObject(path: string, kind: ObjectKind): Promise<Buffer> {
    const object = Buffer.from(await this.store.get(path));
    return this.#readWithKeys(() => openObject(this.sealing, { path, kind }, object));
  }

  /** What does not open may be sealed with a root key that was added since we looked. */
  async #readWithKeys<Read>(read: () => Promise<Read>): Promise<Read> {
    try {
      return await read();
    } catch (error) {
      if (!isCofreError(error, 'repository/damaged') || (await this.#keys?.refresh()) !== true) throw error;
      return read();
    }
  }

  /** Looks at every manifest and every pack; with `readData` opens every block. */
  check(options: CheckOptions): Promise<CheckDocument> {
    return checkRepository(this, options);
  }

  /** Reads every byte of one backup and checks that its parts fit each other. */
  verifyBackup(manifest: Manifest, options: Omit<CheckOptions, 'readData'> = {}): Promise<CheckDocument> {
    return checkBackup(this, manifest, { ...options, readData: true });
  }
}

async function readConfig(store: BlobStore): Promise<Uint8Array> {
  try {
    return await store.get(CONFIG_PATH);
  } catch (error) {
    throw isCofreError(error, 'repository/object-missing') ? repositoryNotFound(store, error) : error;
  }
}

async function firstRootKey(
  { store, random }: OpenOptions,
  { id, key, createdAt }: { readonly id: RepositoryId; readonly key: WrappingSecret; readonly createdAt: string },
): Promise<RootKeys> {
  const secrets: RootSecrets = {
    rootKeyId: Buffer.from(random.bytes(16)).toString('hex'),
    rootKey: Buffer.from(random.bytes(32)),
    idKey: Buffer.from(random.bytes(32)),
  };
  const wrapper = new KeyWrapper(key, id);
  const file = await wrapper.wrap(secrets, { kdf: wrapper.newKdf(random), random, createdAt });
  await store.put(keyPath(file.id), encodeKeyFile(file));
  return new RootKeys({ store, repositoryId: id, firstRootKeyIds: [secrets.rootKeyId], wrapper }, [{ file, secrets }]);
}

async function refuseOccupied(store: BlobStore): Promise<void> {
  for (const prefix of [CONFIG_PATH, 'backups/', 'packs/', ROOTS_PREFIX]) {
    for await (const _ of store.list(prefix)) throw occupied(store);
  }
}

function occupied(store: BlobStore): CofreError {
  return new CofreError('repository/exists', `A repository is already at ${store.url}. Nothing was changed.`);
}
