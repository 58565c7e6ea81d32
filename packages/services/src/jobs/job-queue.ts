import type { Catalogue } from '../catalogue/open-catalogue.ts';

/** What the queue carries: the row in `cofre.jobs` says everything else. */
export interface QueuedJob {
  readonly id: string;
  /** How often it was begun already: each attempt is delivered by itself. */
  readonly attempts: number;
}

/**
 * Brings jobs to workers. At least once, and perhaps to several: who runs a job is decided by its row. What gets lost on
 * the way is sent again by the next worker that looks round.
 */
export interface JobQueue {
  /** As a part of `transaction`: the delivery comes and goes with the row. */
  send(transaction: Catalogue, job: QueuedJob): Promise<void>;
}
