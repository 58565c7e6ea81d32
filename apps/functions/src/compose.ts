import { CofreError, type ProgressEvent } from '@cofre/contracts';
import type { Repository } from '@cofre/engine';
import { databaseFromUrl } from '@cofre/postgres';
import {
  type Migration,
  openCatalogue,
  openUnpinned,
  pinRepository,
  requireMigrated,
  type ServiceContext,
} from '@cofre/services';
import { openStore, runtimeCodecs, systemClock, systemRandom, withRetry, withTimeLimit } from '@cofre/storage';
import type { Environment } from './environment.ts';
import { WALL_END_MS } from './hosted-budget.ts';

/** A backup that waits for a lock uses up the call; the next one tries again. */
const LOCK_TIMEOUT_MS = 5000;
/** Each reader has buffers of its own. */
const READERS = 1;
const CONNECTIONS_MAX = 2;
/** A pack takes seconds. All attempts together end before the call does, so that what failed is told and not cut off. */
const STORE_LIMIT_MS = 25_000;
const STORE_ATTEMPTS = 4;

export interface Composition {
  readonly environment: Environment;
  /** `execute-scheduled-backups`: who did it, in the audit log. */
  readonly name: string;
  /** `cofre 0.1.0`: written into manifests. */
  readonly madeBy: string;
  /** Those that this function was built with. */
  readonly migrations: readonly Migration[];
}

/** Builds what use cases work with, for one call. `close` ends its connections: an instance may sleep for long, or for ever. */
export class ServiceFactory {
  readonly #composition: Composition;
  readonly #place;
  /** Opening takes requests, and with a passphrase a third of a second: an instance does it once. */
  #opened: Promise<Repository> | null = null;

  constructor(composition: Composition) {
    const { repositoryUrl, credentials, region, key } = composition.environment;
    this.#composition = composition;
    const s3 = { credentials, ...(region === undefined ? {} : { region }) };
    this.#place = {
      store: withRetry(withTimeLimit(openStore(repositoryUrl, { s3 }), STORE_LIMIT_MS), { attempts: STORE_ATTEMPTS }),
      codecs: runtimeCodecs,
      key,
      clock: systemClock,
      random: systemRandom,
      accepted: null,
    };
  }

  async withService<T>(
    onProgress: (event: ProgressEvent) => void,
    work: (context: ServiceContext) => Promise<T>,
  ): Promise<T> {
    const { environment, name, madeBy, migrations } = this.#composition;
    const database = databaseFromUrl(environment.databaseUrl);
    await requireMigrated(database, migrations);
    const { label } = database;
    const catalogue = openCatalogue({ url: environment.databaseUrl, label, connectionsMax: CONNECTIONS_MAX });
    const timeUp = new AbortController();
    const timer = setTimeout(() => timeUp.abort(timeUpError()), WALL_END_MS);
    let pinned: Promise<Repository> | null = null;
    try {
      return await work({
        ...this.#place,
        database,
        catalogue,
        actor: { kind: 'service', name: `edge function ${name}` },
        settings: { readers: READERS, lockTimeoutMs: LOCK_TIMEOUT_MS, madeBy },
        signal: timeUp.signal,
        onProgress,
        openRepository: () => {
          pinned ??= this.#open().then((opened) => pinRepository({ ...this.#place, catalogue }, opened));
          return pinned;
        },
      });
    } finally {
      clearTimeout(timer);
      await catalogue.destroy();
    }
  }

  #open(): Promise<Repository> {
    this.#opened ??= openUnpinned(this.#place).catch((error: unknown) => {
      this.#opened = null; // A bucket that is away for a moment must not be away for as long as the instance lives.
      throw error;
    });
    return this.#opened;
  }
}

function timeUpError(): CofreError {
  return new CofreError('backup/interrupted', 'The time of the call was used up. What was done before stays done.');
}
