import { announceWorker, type ServiceContext, type WorkerFacts, withdrawWorker } from '@cofre/services';
import { ClockWork } from './clock-work.ts';
import { errorFields, type Logger } from './logger.ts';

export interface PresenceOptions {
  readonly context: ServiceContext;
  readonly facts: WorkerFacts;
  readonly logger: Logger;
  readonly everyMs: number;
  /** Not heard by the database for so long, the worker counts as gone. */
  readonly staleMs: number;
}

/** Says in the catalogue that the worker is there, and knows whether the database has heard it. */
export class Presence {
  readonly #options: PresenceOptions;
  #clock: ClockWork | null = null;
  #freshness: NodeJS.Timeout | null = null;
  #isFresh = false;
  #isDatabaseAway = false;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  get isFresh(): boolean {
    return this.#isFresh;
  }

  /** Throws where it cannot be said the first time. */
  async begin(): Promise<void> {
    const { context, facts, everyMs } = this.#options;
    await announceWorker(context, facts);
    this.#heard();
    this.#clock = new ClockWork({ pauseMs: () => everyMs, run: () => this.#announce() });
  }

  /** Best effort: who is not heard of for half a minute counts as gone, too. */
  async end(): Promise<void> {
    const { context, facts } = this.#options;
    await this.#clock?.stop();
    if (this.#freshness !== null) clearTimeout(this.#freshness);
    await withdrawWorker(context, facts).catch(() => undefined);
  }

  async #announce(): Promise<void> {
    const { context, facts, logger } = this.#options;
    try {
      await announceWorker(context, facts);
      this.#heard();
      if (this.#isDatabaseAway) logger.info({}, 'the database is back');
      this.#isDatabaseAway = false;
    } catch (error) {
      // Said once, however long it lasts.
      if (!this.#isDatabaseAway) logger.warn(errorFields(error), 'the database is away');
      this.#isDatabaseAway = true;
    }
  }

  /** By a timer and not by the clock: a clock that is set neither ages nor rejuvenates anything. */
  #heard(): void {
    this.#isFresh = true;
    if (this.#freshness !== null) clearTimeout(this.#freshness);
    this.#freshness = setTimeout(() => {
      this.#isFresh = false;
    }, this.#options.staleMs).unref();
  }
}
