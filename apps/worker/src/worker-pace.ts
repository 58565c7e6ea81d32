import type { JobPace } from '@cofre/services';

/** The times of a worker. Named, so that tests can go faster. */
export interface WorkerPace {
  /** It says so often that it is there; screens miss it after half a minute. */
  readonly announceMs: number;
  /** Not heard of by the database for so long, it is not healthy. */
  readonly staleMs: number;
  /** It looks so often for jobs that nobody brought; those that somebody tells of come at once. */
  readonly tendMs: number;
  /** Scheduled backups that are due are looked for so often, and up to a sixth later, so that workers do not all look at once. */
  readonly scheduleMs: number;
  /** The repository is measured so often: it costs one listing. */
  readonly measureMs: number;
  /** A stop waits so long for what is under way to end by itself … */
  readonly graceMs: number;
  /** … and then so long for it to stop where it is. Together less than the half minute that process managers give. */
  readonly abortMs: number;
  readonly jobs: Partial<JobPace>;
}

export const DEFAULT_WORKER_PACE: WorkerPace = {
  announceMs: 5_000,
  staleMs: 30_000,
  tendMs: 5_000,
  scheduleMs: 60_000,
  measureMs: 3_600_000,
  graceMs: 10_000,
  abortMs: 8_000,
  jobs: {},
};
