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
import { CONFIG_PATH, keyPath, manifestPath, packPath } from '../format/constants.ts';
import { decodeKeyFile, type KeyFile, type RootSecrets, unwrapSecrets, wrapSecrets } from '../format/key-file.ts';
import { encryptedKeyring, type Keyring, plainKeyring } from '../format/keyring.ts';
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
import { PackWriter } from './pack-writer.ts';
import { presentStore, repositoryNotFound, requirePresent } from './present-store.ts';
import { layoutOf, readRange, readRangeKeys, readRows, type StoredLayout } from './read-rows.ts';
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
  readonly #packKeys = new Map<string, Promise<SealedKey>>();

  private constructor(options: Omit<OpenOptions, 'key' | 'clock'>, config: ConfigBody, keyring: Keyring) {
    this.#config = config;
    this.id = config.id;
    this.encrypted = config.encryption !== 'none';
    this.compression = config.compression;
    this.store = presentStore(options.store);
    this.sealing = { keyring, codecs: options.codecs, random: options.random };
  }

  /** Makes an empty repository. Key files come first and `cofre.json` last: a crash between leaves no repository. */
  static async init(options: OpenOptions & { readonly compression: Compression }): Promise<Repository> {
    const { store, random, key } = options;
    await refuseOccupied(store);
    const createdAt = options.clock.now().toISOString();
    const id = repositoryId.parse(random.uuid());
    let keyring = plainKeyring(id);
    const rootKeyIds: string[] = [];
    let keyFile: string | null = null;
    if (key.kind !== 'none') {
      const secrets: RootSecrets = {
        rootKeyId: Buffer.from(random.bytes(16)).toString('hex'),
        rootKey: Buffer.from(random.bytes(32)),
        idKey: Buffer.from(random.bytes(32)),
      };
      const file = await wrapSecrets(secrets, key, { repositoryId: id, random, createdAt });
      keyFile = keyPath(file.id);
      await store.put(keyFile, Buffer.from(`${JSON.stringify(file, null, 2)}\n`, 'utf8'));
      rootKeyIds.push(secrets.rootKeyId);
      keyring = keyringOf(id, rootKeyIds, [secrets]);
    }
    const config: ConfigBody = {
      format: 1,
      id,
      createdAt,
      encryption: key.kind === 'none' ? 'none' : 'aes-256-gcm',
      compression: options.compression,
      rootKeyIds,
    };
    if (!(await store.put(CONFIG_PATH, encodeConfig(config, keyring), { ifAbsent: true }))) {
      // Somebody else was faster; a key that opens nothing would only confuse.
      if (keyFile !== null) await store.delete(keyFile);
      throw occupied(store);
    }
    return new Repository(options, config, keyring);
  }

  static async open(options: OpenOptions): Promise<Repository> {
    const { body, mac } = decodeConfig(await readConfig(options.store));
    if (body.encryption === 'none') {
      if (options.key.kind !== 'none')
        throw new CofreError(
          'repository/key-not-wanted',
          `A key was given, but the repository at ${options.store.url} is not encrypted.`,
        );
      const keyring = plainKeyring(body.id);
      checkConfigMac(body, mac, keyring);
      return new Repository(options, body, keyring);
    }
    if (options.key.kind === 'none')
      throw new CofreError('repository/key-required', `The repository at ${options.store.url} is encrypted.`);
    const opened: RootSecrets[] = [];
    for (const { file } of await readKeyFiles(options.store)) {
      const secrets = await unwrapSecrets(file, options.key, body.id);
      if (secrets) opened.push(secrets);
    }
    if (opened.length === 0) {
      throw new CofreError(
        'repository/key-wrong',
        `The ${options.key.kind === 'passphrase' ? 'passphrase' : 'key file'} does not open the repository at ${options.store.url}. Nothing was read.`,
      );
    }
    const keyring = keyringOf(body.id, body.rootKeyIds, opened);
    checkConfigMac(body, mac, keyring);
    return new Repository(options, body, keyring);
  }

  /** The same repository by another way to its store. What was learnt by opening it holds on; no request is made. */
  through(store: BlobStore): Repository {
    const { keyring, codecs, random } = this.sealing;
    return new Repository({ store, codecs, random }, this.#config, keyring);
  }

  get rootKeyIds(): readonly string[] {
    return this.#config.rootKeyIds;
  }

  async info(): Promise<RepositoryInfo> {
    // An `init` that was killed may have left a key of its own, which opens nothing here.
    const slots = (await readKeyFiles(this.store))
      .filter(({ file }) => this.rootKeyIds.includes(file.rootKeyId))
      .map(({ file: { id, kind, rootKeyId, createdAt } }) => ({ id, kind, rootKeyId, createdAt }));
    const { id, format, createdAt, encryption, compression, rootKeyIds } = this.#config;
    return { id, url: this.store.url, format, createdAt, encryption, compression, rootKeyIds, keySlots: slots };
  }

  /** Before the first manifest is read that a backup will build on. The caller releases it, however the backup ends. */
  async takeLease(): Promise<WriteLease> {
    // Nothing is written to where the repository was before it was taken away.
    await requirePresent(this.store);
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
    const reading = this.store
      .get(packPath(packId), { offset: 0, length: PACK_HEADER_BYTES })
      .then((header) => sealedKeyOf(this.sealing.keyring, packId, Buffer.from(header)));
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
    const manifest = decodeManifest(path, await openObject(this.sealing, { path, kind: 'manifest' }, object));
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
    return openObject(this.sealing, { path, kind }, Buffer.from(await this.store.get(path)));
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

async function readKeyFiles(store: BlobStore): Promise<{ readonly path: string; readonly file: KeyFile }[]> {
  const files: { path: string; file: KeyFile }[] = [];
  for await (const { path } of store.list('keys/'))
    files.push({ path, file: decodeKeyFile(path, await store.get(path)) });
  return files;
}

function keyringOf(id: RepositoryId, listedRootKeyIds: readonly string[], opened: readonly RootSecrets[]): Keyring {
  const newest = opened
    .toSorted((a, b) => listedRootKeyIds.indexOf(a.rootKeyId) - listedRootKeyIds.indexOf(b.rootKeyId))
    .at(-1);
  if (!newest) throw new CofreError('repository/key-wrong', 'The given key opens no root key.');
  return encryptedKeyring(id, {
    currentRootKeyId: newest.rootKeyId,
    rootKeys: new Map(opened.map((secrets) => [secrets.rootKeyId, secrets.rootKey])),
    listedRootKeyIds,
    idKey: newest.idKey,
  });
}

async function refuseOccupied(store: BlobStore): Promise<void> {
  for (const prefix of [CONFIG_PATH, 'backups/', 'packs/']) {
    for await (const _ of store.list(prefix)) throw occupied(store);
  }
}

function occupied(store: BlobStore): CofreError {
  return new CofreError('repository/exists', `A repository is already at ${store.url}. Nothing was changed.`);
}
