import { setTimeout as sleep } from 'node:timers/promises';

export interface ClockWorkOptions {
  /** Between the end of one run and the beginning of the next. */
  readonly pauseMs: () => number;
  /** Errors are the work's own to deal with. */
  readonly run: () => Promise<void>;
}

/** Does something again and again, never twice at once. */
export class ClockWork {
  readonly #options: ClockWorkOptions;
  readonly #stop = new AbortController();
  #wake: AbortController = new AbortController();
  #running: Promise<void>;

  constructor(options: ClockWorkOptions) {
    this.#options = options;
    this.#running = this.#go();
  }

  /** The next run comes at once; one that is under way is followed by another. */
  hurry(): void {
    this.#wake.abort();
  }

  /** No other run is begun; gives when the one that is under way has ended. */
  stop(): Promise<void> {
    this.#stop.abort();
    return this.#running;
  }

  async #go(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#wake = new AbortController();
      await this.#options.run();
      const signal = AbortSignal.any([this.#stop.signal, this.#wake.signal]);
      await sleep(this.#options.pauseMs(), undefined, { signal }).catch(() => undefined);
    }
  }
}
