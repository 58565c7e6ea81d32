import { notify } from '../notifications/notify.ts';
import type { ServiceContext } from '../service-context.ts';
import { type HeldJob, leaveToWorker } from './settle-job.ts';

/** Leaves a job that is too large for an edge function to a worker, and tells administrators. False: it is not ours any more. */
export async function deferJob(
  { catalogue, clock }: Pick<ServiceContext, 'catalogue' | 'clock'>,
  job: HeldJob,
): Promise<boolean> {
  return catalogue.transaction().execute(async (transaction) => {
    if (!(await leaveToWorker(transaction, job))) return false;
    await notify(
      { catalogue: transaction, clock },
      {
        kind: 'backup-deferred',
        severity: 'warning',
        key: `backup-deferred ${job.implementation?.id ?? 'all'}`,
        implementation: job.implementation ?? undefined,
        params: { job: job.id, kind: job.kind },
      },
    );
    return true;
  });
}
