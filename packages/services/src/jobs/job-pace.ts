/** The times of jobs. Named, so that tests can go faster. */
export interface JobPace {
  /** A running job says so often that it is alive, and looks whether somebody cancelled it. */
  readonly heartbeatMs: number;
  /** A running job that was not heard of for so long has no worker any more: six heartbeats, so that a restarted server kills none. */
  readonly abandonedMs: number;
  /** Progress is written at most so often. */
  readonly progressMs: number;
  /** The pause after the first failed attempt; each further one doubles it. */
  readonly retryFirstMs: number;
  /** No pause is longer. */
  readonly retryMaxMs: number;
}

export const DEFAULT_JOB_PACE: JobPace = {
  heartbeatMs: 10_000,
  abandonedMs: 60_000,
  progressMs: 500,
  retryFirstMs: 5_000,
  retryMaxMs: 600_000,
};

/** With the pauses above the last attempt comes about half an hour after the first; what fails for longer, somebody has to see. */
export const ATTEMPTS_MAX = 10;

/** How long to wait after the `attempts`-th attempt failed. */
export function retryPauseMs(attempts: number, pace: JobPace): number {
  return Math.min(pace.retryFirstMs * 2 ** Math.min(attempts - 1, 30), pace.retryMaxMs);
}
