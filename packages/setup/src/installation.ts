import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { CofreError, isCofreError, type ProgressEvent } from '@cofre/contracts';
import type { Repository, RepositoryKey } from '@cofre/engine';
import { databaseFromUrl, startEmbedded } from '@cofre/postgres';
import {
  DEFAULT_LOCK_TIMEOUT_MS,
  DEFAULT_READERS,
  initRepository,
  type Migration,
  migrate,
  openCatalogue,
  openUnpinned,
  pinRepository,
  RECOVERY_PATHS,
  type RecoveryFile,
  type RepositoryContext,
  readMigrations,
  requireMigrated,
  type ServiceContext,
} from '@cofre/services';
import { nodeCodecs, openStore, systemClock, systemRandom, withRetry } from '@cofre/storage';
import type { Environment } from './environment.ts';
import { type HomeConfig, readHomeConfig, writeHomeConfig } from './home-config.ts';

export interface InstallationOptions {
  readonly environment: Environment;
  /**
   * The folder of the program that runs: the checkout is looked for from here upwards, the migrations of a bundle lie in it.
   * Left out where Cofre is a package of somebody's application, whose folders are none of ours.
   */
  readonly from?: string;
  /** `cofre 0.1.0`: written into manifests. */
  readonly madeBy: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: ProgressEvent) => void;
}

/** How much a service is to be asked at the same time; its first caller decides. */
export interface ServiceSize {
  /** Connections that queries on the catalogue share; default: enough for one after another. */
  readonly connectionsMax?: number;
}

/**
 * What an edge works with, as the environment and `$COFRE_HOME/config.json` say. Each part is built when it is first
 * needed: `repo check` needs no database. What could not be built is tried again by the next who needs it, because a server
 * outlives a database that is away for a moment.
 */
export class Installation {
  readonly home: string;
  readonly #options: InstallationOptions;
  readonly #closing: (() => Promise<void>)[] = [];
  #repository: Promise<RepositoryContext> | null = null;
  #opened: Promise<Repository> | null = null;
  #database: Promise<DatabaseAddress> | null = null;
  #service: Promise<ServiceContext> | null = null;

  constructor(options: InstallationOptions) {
    this.#options = options;
    const { COFRE_HOME: home } = options.environment;
    this.home = path.resolve(home ?? defaultHome(options.from));
  }

  /** The checkout that the program runs in; null: it was installed by itself. */
  get checkout(): string | null {
    return checkoutFolder(this.#options.from);
  }

  get clock() {
    return systemClock;
  }

  /** What servers log. */
  get logLevel(): Environment['COFRE_LOG'] {
    return this.#options.environment.COFRE_LOG;
  }

  /** What is needed to open or make the repository; nothing is opened yet. */
  repository(): Promise<RepositoryContext> {
    this.#repository ??= this.#composeRepository().catch((error: unknown) => {
      this.#repository = null;
      throw error;
    });
    return this.#repository;
  }

  /** Where the application's database is; without DATABASE_URL the embedded server is started. */
  database(): Promise<DatabaseAddress> {
    this.#database ??= this.#findDatabase().catch((error: unknown) => {
      this.#database = null;
      throw error;
    });
    return this.#database;
  }

  /** For commands that look into backups: a missing repository or a wrong key ends them before the database is touched. */
  async withRepository(size: ServiceSize = {}): Promise<ServiceContext> {
    await this.#openRepository();
    return this.service(size);
  }

  service(size: ServiceSize = {}): Promise<ServiceContext> {
    this.#service ??= this.#composeService(size).catch((error: unknown) => {
      this.#service = null;
      throw error;
    });
    return this.#service;
  }

  /**
   * The service where there is a database with the catalogue in it; null where there is none or it cannot be reached now. For
   * commands that a repository is enough for: no database is made for them, none is waited for.
   */
  async serviceIfThere(): Promise<ServiceContext | null> {
    const { DATABASE_URL: url } = this.#options.environment;
    if (url === undefined && !existsSync(path.join(this.home, 'embedded', 'location'))) return null;
    await this.#openRepository();
    try {
      return await this.service();
    } catch (error) {
      if (isCofreError(error) && /^(database|embedded|catalogue)\//.test(error.code)) return null;
      throw error;
    }
  }

  migrations(): Promise<readonly Migration[]> {
    return readMigrations(migrationsFolder(this.#options.from));
  }

  async rememberRepository(chosen: {
    readonly id: string;
    readonly encryption: 'aes-256-gcm' | 'none';
  }): Promise<void> {
    const { COFRE_PASSPHRASE: passphrase, COFRE_KEY_FILE: keyFile = (await readHomeConfig(this.home)).keyFile } =
      this.#options.environment;
    await writeHomeConfig(this.home, {
      repository: await this.#repositoryUrl(),
      repositoryId: chosen.id,
      encryption: chosen.encryption,
      ...(keyFile === undefined || passphrase !== undefined ? {} : { keyFile: path.resolve(keyFile) }),
    });
  }

  /** For the demo: makes the repository where there is none yet, with a key of its own where no other was chosen. */
  async ensureRepository(): Promise<void> {
    const found = await this.#composeRepository();
    try {
      await openUnpinned(found);
      return;
    } catch (error) {
      if (!isCofreError(error, 'repository/not-found')) throw error;
    }
    if (found.key.kind === 'none') {
      const keyFile = await makeKeyFile(this.home);
      await writeHomeConfig(this.home, { ...(await readHomeConfig(this.home)), keyFile });
    }
    await this.rememberRepository(await initRepository(await this.repository(), {}));
  }

  async close(): Promise<void> {
    for (const end of this.#closing.splice(0).reverse()) await end();
  }

  async #composeRepository(): Promise<RepositoryContext> {
    const { environment, signal, onProgress } = this.#options;
    const config = await readHomeConfig(this.home);
    const url = await this.#repositoryUrl();
    // A folder answers at once or not at all; a bucket may be away for a moment.
    const store = url.startsWith('s3:') ? withRetry(openStore(url)) : openStore(url);
    return {
      store,
      codecs: nodeCodecs,
      key: await readKey(environment, config),
      clock: systemClock,
      random: systemRandom,
      accepted: acceptedOf(config, url),
      recoveryFiles: () => readRecoveryFiles(this.#options.from),
      signal,
      onProgress,
    };
  }

  /** As it was given: what a store shows of itself leaves out how a bucket is reached. */
  async #repositoryUrl(): Promise<string> {
    const { COFRE_REPOSITORY: chosen } = this.#options.environment;
    const fallback = pathToFileURL(path.join(this.home, 'repository')).href;
    return chosen ?? (await readHomeConfig(this.home)).repository ?? fallback;
  }

  async #openRepository(): Promise<Repository> {
    this.#opened ??= openUnpinned(await this.repository()).catch((error: unknown) => {
      this.#opened = null;
      throw error;
    });
    return this.#opened;
  }

  async #findDatabase(): Promise<DatabaseAddress> {
    const { DATABASE_URL: url } = this.#options.environment;
    if (url !== undefined) return { url, isEmbedded: false };
    const server = await startEmbedded({ home: this.home, clock: systemClock, random: systemRandom });
    this.#closing.push(() => server.release());
    return { url: server.url, isEmbedded: true };
  }

  async #composeService(size: ServiceSize): Promise<ServiceContext> {
    const repository = await this.repository();
    const { url, isEmbedded } = await this.database();
    const database = databaseFromUrl(url);
    const migrations = await this.migrations();
    // The embedded database is ours alone, so nobody has to be asked; in any other it is the operator who migrates.
    if (isEmbedded) await migrate(database, migrations);
    else await requireMigrated(database, migrations);
    const catalogue = openCatalogue({ url, label: database.label, ...size });
    this.#closing.push(() => catalogue.destroy());
    let pinned: Promise<Repository> | null = null;
    return {
      ...repository,
      database,
      catalogue,
      actor: { kind: 'operator', name: operatorName() },
      settings: {
        readers: DEFAULT_READERS,
        lockTimeoutMs: DEFAULT_LOCK_TIMEOUT_MS,
        madeBy: this.#options.madeBy,
      },
      openRepository: () => {
        pinned ??= this.#openRepository()
          .then((opened) => pinRepository({ ...repository, catalogue }, opened))
          .catch((error: unknown) => {
            pinned = null;
            throw error;
          });
        return pinned;
      },
    };
  }
}

export interface DatabaseAddress {
  readonly url: string;
  readonly isEmbedded: boolean;
}

/** Only the repository that was written down: with another address in the environment the catalogue's pin decides alone. */
function acceptedOf(config: HomeConfig, url: string): RepositoryContext['accepted'] {
  const { repository, repositoryId, encryption } = config;
  if (repositoryId === undefined || encryption === undefined || repository !== url) return null;
  return { id: repositoryId, encryption };
}

async function readKey(environment: Environment, config: HomeConfig): Promise<RepositoryKey> {
  const { COFRE_PASSPHRASE: passphrase, COFRE_KEY_FILE: file = config.keyFile } = environment;
  if (passphrase !== undefined) return { kind: 'passphrase', passphrase };
  if (file === undefined) return { kind: 'none' };
  return readKeyFile(file);
}

/** 32 bytes as they are, or written as 64 hexadecimal digits or as base64. Throws where the file holds anything else. */
export async function readKeyFile(file: string): Promise<Extract<RepositoryKey, { kind: 'key-file' }>> {
  let content: Buffer;
  try {
    content = await readFile(file);
  } catch (error) {
    throw new CofreError('repository/key-required', `The key file ${file} cannot be read. Nothing was read.`, {
      cause: error,
    });
  }
  return { kind: 'key-file', bytes: keyBytes(file, content) };
}

const KEY_BYTES = 32;

async function makeKeyFile(home: string): Promise<string> {
  const file = path.join(home, 'repository.key');
  // Left from a repository that is gone.
  if (existsSync(file)) return file;
  await mkdir(home, { recursive: true });
  const key = Buffer.from(systemRandom.bytes(KEY_BYTES)).toString('hex');
  await writeFile(file, `${key}\n`, { mode: 0o600, flag: 'wx' });
  return file;
}

function keyBytes(file: string, content: Buffer): Buffer {
  if (content.length === KEY_BYTES) return content;
  const text = content.toString('latin1').trim();
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  const decoded = Buffer.from(text, 'base64');
  if (/^[A-Za-z0-9+/]{43}=$/.test(text) && decoded.length === KEY_BYTES) return decoded;
  throw new CofreError('repository/key-wrong', `The key file ${file} does not hold a 256-bit key. Nothing was read.`, {
    hint: 'It holds 32 random bytes, as they are or as hexadecimal digits: `openssl rand -hex 32 > key`.',
  });
}

function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    // Containers run as users that have no name.
    return 'operator';
  }
}

/** `.cofre` at the root of a checkout, so that two checkouts do not share a state; else in the user's home. */
function defaultHome(from: string | undefined): string {
  const checkout = checkoutFolder(from);
  return checkout === null ? path.join(homedir(), '.cofre') : path.join(checkout, '.cofre');
}

function checkoutFolder(from: string | undefined): string | null {
  if (from === undefined) return null;
  for (let folder = path.resolve(from); ; folder = path.dirname(folder)) {
    const file = path.join(folder, 'package.json');
    if (existsSync(file) && readFileSync(file, 'utf8').includes('"name": "cofre-workspace"')) return folder;
    if (path.dirname(folder) === folder) return null;
  }
}

/** Beside the bundle, else where the checkout has them; in the package, where this is one. */
function migrationsFolder(from: string | undefined): string {
  if (from === undefined) return path.resolve(import.meta.dirname, '../migrations');
  const bundled = path.join(from, 'migrations');
  return existsSync(bundled) ? bundled : path.join(checkoutFolder(from) ?? from, 'supabase/migrations');
}

/** Beside the bundle, else where the checkout has them; in the package, where this is one. As `migrationsFolder`. */
function recoveryFolder(from: string | undefined): string {
  if (from === undefined) return path.resolve(import.meta.dirname, '../recovery');
  const bundled = path.join(from, 'recovery');
  return existsSync(bundled) ? bundled : path.join(checkoutFolder(from) ?? from, 'apps/reader/recovery');
}

function readRecoveryFiles(from: string | undefined): Promise<readonly RecoveryFile[]> {
  const folder = recoveryFolder(from);
  return Promise.all(
    RECOVERY_PATHS.map(async (file) => ({ path: file, bytes: await readFile(path.join(folder, path.basename(file))) })),
  );
}
