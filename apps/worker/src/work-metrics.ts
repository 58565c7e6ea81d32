import type { EndedWork, RunJob } from '@cofre/services';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** From a tenth of a second to half a day, each bound about three times the one before. */
const DURATION_BUCKETS_SECONDS = [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000];

const SINCE =
  'since this worker started. Sum over all workers; what the command line and edge functions make is not in it.';

/** What this process has done. Counted as it happens, so it begins anew with each start, as Prometheus expects of counters. */
export class WorkMetrics {
  readonly #backups;
  readonly #bytesRaw;
  readonly #bytesStored;
  readonly #backupSeconds;
  readonly #restores;
  readonly #restoreSeconds;
  readonly #jobs;
  readonly #databaseUp;

  constructor(registry: Registry, build: { readonly version: string; readonly nodeVersion: string }) {
    const registers = [registry];
    const type = { registers, labelNames: ['type'] as const };
    this.#backups = new Counter({
      name: 'cofre_backups_total',
      help: `Backups by type and result (completed, failed, canceled), safety backups of restores among them, ${SINCE}`,
      registers,
      labelNames: ['type', 'result'] as const,
    });
    this.#backupSeconds = new Histogram({
      name: 'cofre_backup_duration_seconds',
      help: `How long completed backups took, by type, ${SINCE}`,
      buckets: DURATION_BUCKETS_SECONDS,
      ...type,
    });
    this.#bytesRaw = new Counter({
      name: 'cofre_backup_raw_bytes_total',
      help: `Bytes of rows in completed backups, before compression, ${SINCE}`,
      ...type,
    });
    this.#bytesStored = new Counter({
      name: 'cofre_backup_stored_bytes_total',
      help: `Bytes that completed backups added to the repository, ${SINCE}`,
      ...type,
    });
    this.#restores = new Counter({
      name: 'cofre_restores_applied_total',
      help: `Restores and undos that were applied, by kind and result (completed, failed), ${SINCE}`,
      registers,
      labelNames: ['kind', 'result'] as const,
    });
    this.#restoreSeconds = new Histogram({
      name: 'cofre_restore_duration_seconds',
      help: `How long completed restores and undos took, with their safety backup, ${SINCE}`,
      buckets: DURATION_BUCKETS_SECONDS,
      registers,
    });
    this.#jobs = new Counter({
      name: 'cofre_jobs_total',
      help: `Attempts at jobs, by kind and how they left the worker (completed, failed, canceled; waiting: to be tried again), ${SINCE}`,
      registers,
      labelNames: ['kind', 'state'] as const,
    });
    this.#databaseUp = new Gauge({
      name: 'cofre_database_up',
      help: '1 where the database answered this request for metrics, else 0: then the figures of the catalogue are left out.',
      registers,
    });
    const info = new Gauge({
      name: 'cofre_build_info',
      help: 'Always 1; the labels say what runs.',
      registers,
      labelNames: ['version', 'node'] as const,
    });
    info.set({ version: build.version, node: build.nodeVersion }, 1);
  }

  readonly count = (work: EndedWork): void => {
    const { result, kind } = work;
    const seconds = work.durationMs / 1000;
    if (work.kind !== 'backup') {
      this.#restores.inc({ kind, result });
      if (result === 'completed') this.#restoreSeconds.observe(seconds);
      return;
    }
    const { type, bytesRaw, bytesStored } = work;
    this.#backups.inc({ type, result });
    if (result !== 'completed') return;
    this.#backupSeconds.observe({ type }, seconds);
    this.#bytesRaw.inc({ type }, bytesRaw);
    this.#bytesStored.inc({ type }, bytesStored);
  };

  countJob({ kind, state }: RunJob): void {
    this.#jobs.inc({ kind, state });
  }

  setDatabaseUp(isUp: boolean): void {
    this.#databaseUp.set(isUp ? 1 : 0);
  }
}
