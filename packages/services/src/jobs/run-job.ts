import type { JobKind } from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import type { ServiceContext } from '../service-context.ts';
import { claimJob } from './claim-job.ts';
import { type JobOutcome, type JobRunner, performJob } from './perform-job.ts';

/** What was done, and how it went. */
export type RunJob = JobOutcome & {
  readonly kind: JobKind;
  /** `module/key`; null: it belongs to none. */
  readonly implementation: string | null;
};

/**
 * Carries out one job, if it waits and nobody else has it: `not-taken` says that there was nothing to do, which is the
 * usual answer when it was delivered twice. Any number of runners may call at once.
 */
export async function runJob(
  caller: ServiceContext,
  jobId: string,
  runner: JobRunner,
): Promise<RunJob | { readonly state: 'not-taken' }> {
  const { catalogue } = await authorize(caller, 'runJob');
  const job = await claimJob(catalogue, { workerId: runner.id, jobId, takesLarge: true });
  if (job === null) return { state: 'not-taken' };
  const { kind, implementation: ref } = job;
  const outcome = await performJob(caller, job, runner);
  return { ...outcome, kind, implementation: ref === null ? null : `${ref.module}/${ref.key}` };
}
