import { CofreError, type ProgressEvent } from '@cofre/contracts';
import type { BlobStore, Clock, Repository } from '@cofre/engine';
import { databaseFromUrl } from '@cofre/postgres';
import {
  type Migration,
  openCatalogue,
  openUnpinned,
  pinRepository,
  requireMigrated,
  type ServiceContext,
} from '@cofre/services';
import { openStore, runtimeCodecs, systemRandom, withRetry, withTimeLimit } from '@cofre/storage';
import type { Environment } from './environment.ts';
import { WALL_END_MS } from './hosted-budget.ts';

/** A backup that waits for a lock uses up the call; the next one tries again. */
const LOCK_TIMEOUT_MS = 5000;
/** Each reader has buffers of its own. */
const READERS = 1;
const CONNECTIONS_MAX = 2;
/** A pack takes seconds. What does not answer when a call begins is told, and not cut off: all attempts end before the call does. */
const STORE_LIMIT_MS = 25_000;
const STORE_ATTEMPTS = 4;

/** Rings once after so many milliseconds, if it is not stopped by what it gives. */
export type Alarm = (ring: () => void, afterMs: number) => () => void;

export interface Composition {
  readonly environment: Environment;
  /** `execute-scheduled-backups`: who did it, in the audit log. */
  readonly name: string;
  /** `cofre 0.1.0`: written into manifests. */
  readonly madeBy: string;
  /** Those that this function was built with. */
  readonly migrations: readonly Migration[];
  readonly clock: Clock;
  readonly alarm: Alarm;
}

type Work<T> = (context: ServiceContext) => Promise<T>;
type OnProgress = (event: ProgressEvent) => void;

/** Builds what use cases work with, for one call. Its connections end with it: an instance may sleep for long, or for ever. */
export class ServiceFactory {
  readonly #composition: Composition;
  readonly #bucket: BlobStore;
  readonly #place;
  /** Opening takes requests, and with a passphrase a third of a second: an instance does it once. */
  #opened: Promise<Repository> | null = null;

  constructor(composition: Composition) {
    const { clock, environment } = composition;
    const { repositoryUrl, credentials, region, key } = environment;
    const s3 = { credentials, ...(region === undefined ? {} : { region }) };
    this.#composition = composition;
    this.#bucket = openStore(repositoryUrl, { s3 });
    this.#place = { codecs: runtimeCodecs, key, clock, random: systemRandom, accepted: null };
  }

  async withService<T>(onProgress: OnProgress, work: Work<T>): Promise<T> {
    const timeUp = new AbortController();
    const disarm = this.#composition.alarm(() => timeUp.abort(timeUpError()), WALL_END_MS);
    try {
      return await this.#withCatalogue({ onProgress, signal: timeUp.signal }, work);
    } finally {
      disarm();
    }
  }

  async #withCatalogue<T>(
    call: { readonly onProgress: OnProgress; readonly signal: AbortSignal },
    work: Work<T>,
  ): Promise<T> {
    const { environment, name, madeBy, migrations } = this.#composition;
    const database = databaseFromUrl(environment.databaseUrl);
    await requireMigrated(database, migrations);
    const { label } = database;
    const catalogue = openCatalogue({ url: environment.databaseUrl, label, connectionsMax: CONNECTIONS_MAX });
    const store = this.#reach(call.signal);
    let pinned: Promise<Repository> | null = null;
    try {
      return await work({
        ...this.#place,
        ...call,
        store,
        database,
        catalogue,
        actor: { kind: 'service', name: `edge function ${name}` },
        settings: { readers: READERS, lockTimeoutMs: LOCK_TIMEOUT_MS, madeBy },
        openRepository: () => {
          pinned ??= this.#open().then((opened) =>
            pinRepository({ ...this.#place, store, catalogue }, opened.through(store)),
          );
          return pinned;
        },
      });
    } finally {
      await catalogue.destroy();
    }
  }

  /** The bucket for one call: a request that is not answered ends with it. */
  #reach(signal?: AbortSignal): BlobStore {
    return withRetry(withTimeLimit(this.#bucket, STORE_LIMIT_MS, signal), { attempts: STORE_ATTEMPTS });
  }

  #open(): Promise<Repository> {
    this.#opened ??= openUnpinned({ ...this.#place, store: this.#reach() }).catch((error: unknown) => {
      this.#opened = null; // A bucket that is away for a moment must not be away for as long as the instance lives.
      throw error;
    });
    return this.#opened;
  }
}

function timeUpError(): CofreError {
  return new CofreError('backup/interrupted', 'The time of the call was used up. What was done before stays done.');
}
