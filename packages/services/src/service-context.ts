import type { BackupType, ProgressEvent } from '@cofre/contracts';
import type { BlobStore, Clock, Codecs, Random, Repository, RepositoryKey } from '@cofre/engine';
import type { Database } from '@cofre/postgres';
import type { Actor } from './actor.ts';
import type { Catalogue } from './catalogue/open-catalogue.ts';
import type { JobQueue } from './jobs/job-queue.ts';
import type { RecoveryFile } from './recovery/recovery-files.ts';

/** What a repository is opened with; enough for what needs no database. */
export interface RepositoryContext {
  readonly store: BlobStore;
  readonly codecs: Codecs;
  readonly key: RepositoryKey;
  readonly clock: Clock;
  readonly random: Random;
  /** The repository that this installation was set up with; null: nothing was written down, so the catalogue's pin decides. */
  readonly accepted: AcceptedRepository | null;
  /** What a new repository is given for people who will have nothing else; an edge that makes none has none. */
  readonly recoveryFiles?: (() => Promise<readonly RecoveryFile[]>) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: ProgressEvent) => void) | undefined;
}

/** Written down outside of the repository, so that who can write there cannot pass off another one. */
export interface AcceptedRepository {
  readonly id: string;
  readonly encryption: 'aes-256-gcm' | 'none';
}

/** What a use case works with. Edges build it once; use cases read nothing else: no environment, no clock of their own. */
export interface ServiceContext extends RepositoryContext {
  readonly database: Database;
  readonly catalogue: Catalogue;
  readonly actor: Actor;
  readonly settings: ServiceSettings;
  /** Opens the repository, and holds it against the pin; the second call gives the same. */
  readonly openRepository: () => Promise<Repository>;
  /** The job that this is done for: a backup or restore of it is made once, however often the job is begun. */
  readonly jobId?: string | undefined;
  /** Brings a new job to a worker at once; without it workers find it when they look round. */
  readonly queue?: JobQueue | undefined;
  /** Told of each backup and restore as it ends, to count them. */
  readonly onEnded?: ((work: EndedWork) => void) | undefined;
}

/** How a backup or restore ended. Counts alone: no names, no errors, no values. */
export type EndedWork =
  | {
      readonly kind: 'backup';
      readonly type: BackupType;
      readonly result: 'completed' | 'failed' | 'canceled';
      readonly durationMs: number;
      /** Both are zero where it did not complete. */
      readonly bytesRaw: number;
      readonly bytesStored: number;
    }
  | { readonly kind: 'restore' | 'undo'; readonly result: 'completed' | 'failed'; readonly durationMs: number };

export interface ServiceSettings {
  /** Tables that are read at the same time, each on a connection of its own. */
  readonly readers: number;
  /** How long a backup waits for the locks on its tables. */
  readonly lockTimeoutMs: number;
  /** `cofre 0.1.0`: written into manifests. */
  readonly madeBy: string;
}

export const DEFAULT_READERS = 2;
export const DEFAULT_LOCK_TIMEOUT_MS = 10_000;
