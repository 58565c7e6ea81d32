import {
  authorize,
  readBackupFigures,
  readImplementationFigures,
  readOverdue,
  readQueueFigures,
  readRestoreFigures,
  type RepositorySize,
  type ServiceContext,
} from '@cofre/services';
import { Counter, Gauge, type Registry } from 'prom-client';

/** Success is judged by what was made in this time. */
const PERIOD_DAYS = 30;
const DAY_MS = 86_400_000;

const ALL = 'whoever made them; every worker shows the same, so take one of them (max), not the sum.';

/**
 * What the catalogue says of the whole installation, whoever did it. Read again for each request, so it outlives restarts.
 * Of backups it says what is in the list now, which falls when clean-up removes some: gauges, no counters.
 */
export class CatalogueMetrics {
  readonly #registry: Registry;
  readonly #backups;
  readonly #raw;
  readonly #stored;
  readonly #success;
  readonly #age;
  readonly #restores;
  readonly #overdue;
  readonly #jobs;
  readonly #oldestJob;
  readonly #workers;

  constructor(registry: Registry) {
    this.#registry = registry;
    const gauge = <Label extends string = never>(name: string, help: string, labelNames: readonly Label[] = []) =>
      new Gauge({ name, help, labelNames, registers: [registry] });
    this.#backups = gauge('cofre_listed_backups', `Backups in the list now, by type and status, ${ALL}`, [
      'type',
      'status',
    ]);
    this.#raw = gauge('cofre_listed_backups_raw_bytes', `Bytes of rows in the completed backups of the list, ${ALL}`);
    this.#stored = gauge(
      'cofre_listed_backups_stored_bytes',
      `Bytes that the completed backups of the list added to the repository when they were made, ${ALL}`,
    );
    this.#success = gauge(
      'cofre_backup_success_ratio',
      `Completed / (completed + failed) of the backups in the list that were made in the last ${PERIOD_DAYS} days; NaN: there is none.`,
    );
    this.#age = gauge(
      'cofre_newest_backup_age_seconds',
      'How long ago the newest completed backup of an implementation was completed. One that has none does not appear.',
      ['module', 'implementation'],
    );
    this.#restores = new Counter({
      name: 'cofre_restores_total',
      help: `Restores by result (completed, failed) since the installation began, undos not counted, ${ALL}`,
      labelNames: ['result'] as const,
      registers: [registry],
    });
    this.#overdue = gauge(
      'cofre_overdue_implementations',
      'Implementations whose scheduled backup is later than their settings allow.',
    );
    this.#jobs = gauge(
      'cofre_open_jobs',
      'Jobs that have not ended, by state; deferred: an edge function left them to a worker.',
      ['state'],
    );
    this.#oldestJob = gauge(
      'cofre_oldest_waiting_job_age_seconds',
      'How long the job has waited that could have run and has waited longest; 0: none waits.',
    );
    this.#workers = gauge('cofre_workers', 'Workers that were heard of in the last half minute.');
  }

  /** Throws where the database is away. */
  async refresh(caller: ServiceContext): Promise<string> {
    const { catalogue } = await authorize(caller, 'showStatistics');
    const now = caller.clock.now();
    const options = { now, since: new Date(now.getTime() - PERIOD_DAYS * DAY_MS) };
    // Read before anything is shown, so that what is shown is of one moment.
    const backups = await readBackupFigures(catalogue, options);
    const places = await readImplementationFigures(catalogue, options);
    const restores = await readRestoreFigures(catalogue, { since: null });
    const overdue = await readOverdue(catalogue, now);
    const queue = await readQueueFigures(caller);
    this.#registry.resetMetrics();
    this.#showBackups(backups);
    for (const { module, key, newestAt, gone } of places) {
      if (newestAt === null || gone) continue;
      this.#age.set({ module, implementation: key }, Math.max(0, (now.getTime() - newestAt.getTime()) / 1000));
    }
    this.#restores.inc({ result: 'completed' }, restores.done);
    this.#restores.inc({ result: 'failed' }, restores.failed);
    this.#overdue.set(overdue.length);
    for (const state of ['waiting', 'running', 'deferred'] as const) this.#jobs.set({ state }, queue[state]);
    this.#oldestJob.set(queue.oldestWaitingSeconds);
    this.#workers.set(queue.workers);
    return this.#registry.metrics();
  }

  #showBackups(figures: Awaited<ReturnType<typeof readBackupFigures>>): void {
    let [completed, failed, raw, stored] = [0, 0, 0, 0];
    for (const { type, status, backups, bytesRaw, bytesStored, period } of figures) {
      this.#backups.inc({ type, status }, backups);
      if (status === 'failed') failed += period.backups;
      if (status !== 'completed') continue;
      completed += period.backups;
      raw += bytesRaw;
      stored += bytesStored;
    }
    this.#raw.set(raw);
    this.#stored.set(stored);
    this.#success.set(completed + failed === 0 ? Number.NaN : completed / (completed + failed));
  }
}

/** What lies in the repository, as it was measured last. */
export class RepositoryMetrics {
  readonly #bytes;
  readonly #objects;
  readonly #measuredAt;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#bytes = new Gauge({
      name: 'cofre_repository_size_bytes',
      help: 'Bytes of all objects in the repository, by its last listing; NaN: it was not listed yet.',
      registers,
    });
    this.#objects = new Gauge({
      name: 'cofre_repository_objects',
      help: 'Objects in the repository, by its last listing; NaN: it was not listed yet.',
      registers,
    });
    this.#measuredAt = new Gauge({
      name: 'cofre_repository_measured_timestamp_seconds',
      help: 'When the repository was listed last; NaN: it was not yet.',
      registers,
    });
    for (const gauge of [this.#bytes, this.#objects, this.#measuredAt]) gauge.set(Number.NaN);
  }

  show({ bytes, objects, measuredAt }: RepositorySize): void {
    this.#bytes.set(bytes);
    this.#objects.set(objects);
    this.#measuredAt.set(measuredAt.getTime() / 1000);
  }
}
