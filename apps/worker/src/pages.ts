import { measureRepository, readQueueFigures, type ServiceContext } from '@cofre/services';
import { Registry } from 'prom-client';
import { CatalogueMetrics, RepositoryMetrics } from './catalogue-metrics.ts';
import { type Answer, json } from './http-server.ts';
import { resultWithin } from './within.ts';
import { WorkMetrics } from './work-metrics.ts';

/** Who asks for health gives up soon, and a database that takes longer to answer than this is as good as away. */
const DATABASE_TIMEOUT_MS = 2_000;
/** Figures of a large catalogue take a moment. */
const FIGURES_TIMEOUT_MS = 8_000;

export interface WorkerState {
  readonly id: string;
  readonly isStopping: boolean;
  /** Takes jobs. */
  readonly isReady: boolean;
  /** The database has heard of the worker lately. */
  readonly isFresh: boolean;
  readonly jobs: number;
}

export interface PagesOptions {
  readonly context: ServiceContext;
  readonly build: { readonly version: string; readonly nodeVersion: string };
  readonly state: () => WorkerState;
}

/** What the worker says of itself over HTTP. */
export class Pages {
  readonly #options: PagesOptions;
  readonly #own = new Registry();
  readonly #shared = new Registry();
  readonly #catalogue = new CatalogueMetrics(this.#shared);
  readonly #repository: RepositoryMetrics;
  readonly work: WorkMetrics;

  constructor(options: PagesOptions) {
    this.#options = options;
    this.work = new WorkMetrics(this.#own, options.build);
    this.#repository = new RepositoryMetrics(this.#own);
  }

  get byPath(): Readonly<Record<string, () => Promise<Answer>>> {
    return {
      '/healthz': () => this.#health(),
      '/readyz': () => this.#readiness(),
      '/metrics': () => this.#metrics(),
    };
  }

  /** Whether to restart it would help: it runs, and does what it is there for. */
  async #health(): Promise<Answer> {
    const { id, isStopping, jobs, isFresh } = this.#options.state();
    if (isStopping) return unwell(id, 'stopping');
    if (!(await this.#isDatabaseThere())) return unwell(id, 'database-away');
    return isFresh ? json(200, { ok: true, worker: id, jobs }) : unwell(id, 'heartbeat-stale');
  }

  /** Whether it takes jobs now. */
  async #readiness(): Promise<Answer> {
    const { id, isStopping, isReady } = this.#options.state();
    if (isStopping) return unwell(id, 'stopping');
    if (!isReady) return unwell(id, 'starting');
    return (await this.#isDatabaseThere()) ? json(200, { ok: true, worker: id }) : unwell(id, 'database-away');
  }

  async #isDatabaseThere(): Promise<boolean> {
    return (await resultWithin(readQueueFigures(this.#options.context), DATABASE_TIMEOUT_MS)) !== null;
  }

  /** One question at a time: two that ask at once are given the same answer. */
  #reading: Promise<string> | null = null;

  async #metrics(): Promise<Answer> {
    this.#reading ??= this.#catalogue.refresh(this.#options.context).finally(() => {
      this.#reading = null;
    });
    const shared = await resultWithin(this.#reading, FIGURES_TIMEOUT_MS);
    this.work.setDatabaseUp(shared !== null);
    const own = await this.#own.metrics();
    return { status: 200, contentType: this.#own.contentType, body: shared === null ? own : `${own}\n${shared}` };
  }

  async measureRepository(signal: AbortSignal): Promise<void> {
    const { store, clock } = this.#options.context;
    this.#repository.show(await measureRepository(store, { clock, signal }));
  }
}

function unwell(worker: string, reason: string): Answer {
  return json(503, { ok: false, worker, reason });
}
