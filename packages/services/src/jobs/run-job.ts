import { authorize } from '../access/authorize.ts';
import type { ServiceContext } from '../service-context.ts';
import { claimJob } from './claim-job.ts';
import { type JobOutcome, type JobRunner, performJob } from './perform-job.ts';

/**
 * Carries out one job, if it waits and nobody else has it: `not-taken` says that there was nothing to do, which is the
 * usual answer when it was delivered twice. Any number of runners may call at once.
 */
export async function runJob(
  caller: ServiceContext,
  jobId: string,
  runner: JobRunner,
): Promise<JobOutcome | { readonly state: 'not-taken' }> {
  const { catalogue } = await authorize(caller, 'runJob');
  const job = await claimJob(catalogue, { workerId: runner.id, jobId, takesLarge: true });
  return job === null ? { state: 'not-taken' } : performJob(caller, job, runner);
}
