import { CofreError } from '@cofre/contracts';
import { sql } from 'kysely';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import type { ClaimedJob } from './claim-job.ts';
import type { JobNotices } from './job-notices.ts';
import { ownedBy } from './settle-job.ts';

/** Why a running job is to stop. */
export type StopReason =
  /** Somebody cancelled it. */
  | 'canceled'
  /** Its worker stops; another one goes on with it. */
  | 'worker-stops'
  /** It was taken for abandoned and is another worker's by now. */
  | 'lost';

export interface WatchOptions {
  readonly heartbeatMs: number;
  /** Fires when the worker has to stop. */
  readonly workerSignal: AbortSignal | undefined;
  readonly notices: JobNotices | undefined;
}

/**
 * Says that a job is alive, and hears when it is to stop: told by the database at once where somebody listens, else at the
 * next heartbeat.
 */
export class JobWatch implements AsyncDisposable {
  readonly #catalogue: Catalogue;
  readonly #job: ClaimedJob;
  readonly #stop = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #ends: (() => void)[] = [];
  #reason: StopReason | null = null;
  #looking: Promise<void> | null = null;
  #isLookWanted = false;

  constructor(catalogue: Catalogue, job: ClaimedJob, options: WatchOptions) {
    const { heartbeatMs, workerSignal, notices } = options;
    this.#catalogue = catalogue;
    this.#job = job;
    this.#timer = setInterval(() => this.#look(), heartbeatMs);
    if (notices !== undefined) {
      const onNotice = (id: string | null) => {
        if (id === job.id || id === null) this.#look();
      };
      this.#ends.push(notices.subscribe(onNotice));
    }
    const onWorkerStops = () => this.#end('worker-stops');
    workerSignal?.addEventListener('abort', onWorkerStops);
    this.#ends.push(() => workerSignal?.removeEventListener('abort', onWorkerStops));
    if (job.isCanceled) this.#end('canceled');
    else if (workerSignal?.aborted === true) onWorkerStops();
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** null: nobody wants it to stop. */
  get reason(): StopReason | null {
    return this.#reason;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    for (const end of this.#ends.splice(0)) end();
    await this.#looking;
  }

  /** One look at a time. What is told during one may have come too late for it, so another one follows. */
  #look(): void {
    this.#isLookWanted = true;
    this.#looking ??= this.#beatWhileWanted().finally(() => {
      this.#looking = null;
    });
  }

  async #beatWhileWanted(): Promise<void> {
    while (this.#isLookWanted && this.#reason === null) {
      this.#isLookWanted = false;
      await this.#beat();
    }
  }

  async #beat(): Promise<void> {
    try {
      const row = await ownedBy(this.#catalogue, this.#job)
        .set({ heartbeat_at: sql<Date>`pg_catalog.clock_timestamp()` })
        .returning('cancel_requested_at')
        .executeTakeFirst();
      if (row === undefined) this.#end('lost');
      else if (row.cancel_requested_at !== null) this.#end('canceled');
    } catch {
      // The database is away: the work itself finds out, and if it does not, the next heartbeat does.
    }
  }

  #end(reason: StopReason): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#stop.abort(new CofreError('backup/interrupted', WORDS[reason]));
  }
}

const WORDS: Readonly<Record<StopReason, string>> = {
  canceled: 'Somebody cancelled the job.',
  'worker-stops': 'The worker was stopped; another one goes on with the job.',
  lost: 'The worker was not heard of for too long; another one has the job.',
};
