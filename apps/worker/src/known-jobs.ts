/** So many are remembered; who is forgotten is merely looked at once more. */
const REMEMBERED_MAX = 1_000;

/** Of a running job two notices come a second, because its progress is written; only the first of a job is news. */
export class KnownJobs {
  readonly #known = new Set<string>();

  /** `null`: something may have been missed, and that is news. */
  isNew(jobId: string | null): boolean {
    if (jobId === null) return true;
    if (this.#known.has(jobId)) return false;
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear();
    this.#known.add(jobId);
    return true;
  }
}
