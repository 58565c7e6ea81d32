import type { ProgressEvent } from '@cofre/contracts';
import { sql } from 'kysely';
import type { Catalogue } from '../catalogue/open-catalogue.ts';

/**
 * Writes how far a job is, at most once in `everyMs`, always the newest that is known. Best effort: work never waits for
 * it, and never fails for it.
 */
export class ProgressRow {
  readonly #catalogue: Catalogue;
  readonly #jobId: string;
  readonly #everyMs: number;
  #newest: ProgressEvent | null = null;
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> = Promise.resolve();
  #isOver = false;

  constructor(catalogue: Catalogue, options: { readonly jobId: string; readonly everyMs: number }) {
    this.#catalogue = catalogue;
    this.#jobId = options.jobId;
    this.#everyMs = options.everyMs;
  }

  report(event: ProgressEvent): void {
    this.#newest = event;
    if (this.#timer === null) this.#write();
  }

  /** Waits until the last of it is written. */
  async end(): Promise<void> {
    this.#isOver = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#writing;
    if (this.#newest !== null) await this.#put(this.#newest);
  }

  #write(): void {
    const event = this.#newest;
    this.#timer = null;
    if (event === null || this.#isOver) return;
    this.#newest = null;
    // The pause begins when it is written: a slow database is not asked more often.
    this.#writing = this.#put(event);
    this.#timer = setTimeout(() => void this.#writing.then(() => this.#write()), this.#everyMs);
  }

  async #put({ phase, table, rows, rowsTotal, bytes, elapsedMs }: ProgressEvent): Promise<void> {
    const updated_at = sql<Date>`pg_catalog.clock_timestamp()`;
    const values = { phase, table_name: table ?? null, rows, rows_total: rowsTotal, bytes, elapsed_ms: elapsedMs };
    await this.#catalogue
      .insertInto('cofre.job_progress')
      .values({ job_id: this.#jobId, ...values, updated_at })
      .onConflict((conflict) => conflict.column('job_id').doUpdateSet({ ...values, updated_at }))
      .execute()
      .catch(() => undefined);
  }
}
