import { type DrainDocument, isCofreError, type RunFailure } from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import { estimateBytes } from '../backups/estimate-bytes.ts';
import { findImplementation, sliceInputsOf } from '../modules/find-implementation.ts';
import type { ServiceContext } from '../service-context.ts';
import { NO_BUDGET, type WorkBudget } from '../work-budget.ts';
import { type ClaimedJob, claimJob, isDue } from './claim-job.ts';
import { deferJob } from './defer-job.ts';
import { DEFAULT_JOB_PACE, type JobPace } from './job-pace.ts';
import { type JobOutcome, type JobRunner, performJob } from './perform-job.ts';
import { returnAbandoned } from './tend-jobs.ts';

/**
 * Carries out jobs that wait, as long as the budget lasts: for edge functions, which come by now and then, with no queue.
 * Any number of them and of workers may do so at once. What is too large waits for a worker.
 */
export async function drainJobs(
  caller: ServiceContext,
  budget: WorkBudget = NO_BUDGET,
  options: { readonly pace?: Partial<JobPace> | undefined } = {},
): Promise<DrainDocument> {
  const context = await authorize(caller, 'drainJobs');
  const { pace } = options;
  await returnAbandoned(context, { ...DEFAULT_JOB_PACE, ...pace });
  const runner = { id: context.random.uuid(), signal: context.signal, pace, budget };
  const drain = new Drain({ caller, context, budget, runner });
  await Promise.all(Array.from({ length: budget.concurrency }, () => drain.lane()));
  return drain.summary();
}

interface DrainInput {
  /** As it was given: each job is done with the rights of who asked for it. */
  readonly caller: ServiceContext;
  /** With the rights of the service. */
  readonly context: ServiceContext;
  readonly budget: WorkBudget;
  readonly runner: JobRunner;
}

class Drain {
  readonly #input: DrainInput;
  readonly #failed: RunFailure[] = [];
  #done = 0;
  #error: { readonly thrown: unknown } | null = null;

  constructor(input: DrainInput) {
    this.#input = input;
  }

  async lane(): Promise<void> {
    const { context, budget, runner } = this.#input;
    const takesLarge = budget.sliceBytesMax === null;
    try {
      while (this.#error === null && context.signal?.aborted !== true && budget.mayStart()) {
        const job = await claimJob(context.catalogue, { workerId: runner.id, takesLarge });
        if (job === null) return;
        this.#count(job, await this.#perform(job));
      }
    } catch (thrown) {
      this.#error ??= { thrown };
    }
  }

  async summary(): Promise<DrainDocument> {
    if (this.#error !== null) throw this.#error.thrown;
    const { sliceBytesMax } = this.#input.budget;
    const { catalogue } = this.#input.context;
    const waiting = catalogue.selectFrom('cofre.jobs as j').select(({ fn }) => fn.countAll<number>().as('jobs'));
    const left = await waiting
      .where(isDue())
      .$if(sliceBytesMax !== null, (query) => query.where('j.needs_worker', '=', false))
      .executeTakeFirst();
    const deferred = await waiting.where('j.state', '=', 'deferred').executeTakeFirst();
    return { done: this.#done, failed: this.#failed, deferred: deferred?.jobs ?? 0, left: left?.jobs ?? 0 };
  }

  async #perform(job: ClaimedJob): Promise<JobOutcome> {
    const { caller, context, runner } = this.#input;
    if (!(await this.#isTooLarge(job))) return performJob(caller, job, runner);
    return (await deferJob(context, job)) ? { state: 'deferred' } : { state: 'lost' };
  }

  async #isTooLarge({ kind, implementation }: ClaimedJob): Promise<boolean> {
    const { sliceBytesMax } = this.#input.budget;
    if (sliceBytesMax === null || implementation === null || kind === 'delete-backup') return false;
    const { context } = this.#input;
    try {
      const slice = sliceInputsOf(await findImplementation(context.catalogue, implementation.id));
      return (await estimateBytes(context, slice, 'full')) > sliceBytesMax;
    } catch (error) {
      // What is wrong with it is said by the work itself, better than by an estimate of it.
      if (isCofreError(error) && !error.retryable && error.code !== 'backup/interrupted') return false;
      throw error;
    }
  }

  #count({ implementation, kind }: ClaimedJob, outcome: JobOutcome): void {
    if (outcome.state === 'completed') this.#done += 1;
    if (outcome.state !== 'failed') return;
    const name = implementation === null ? kind : `${implementation.module}/${implementation.key}`;
    this.#failed.push({ implementation: name, code: outcome.code });
  }
}
