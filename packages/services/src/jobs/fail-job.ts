import type { CofreError, JobKind } from '@cofre/contracts';
import { toErrorDocument } from '../error-document.ts';
import { type NotificationKind, notify } from '../notifications/notify.ts';
import type { ServiceContext } from '../service-context.ts';
import { type HeldJob, markFailed } from './settle-job.ts';

/**
 * The end of a job that will not be tried again. With the notification in one transaction, so that none is sent twice and
 * none is missing. False: the job is not ours any more.
 */
export async function failJob(
  { catalogue, clock }: Pick<ServiceContext, 'catalogue' | 'clock'>,
  job: HeldJob,
  error: CofreError,
): Promise<boolean> {
  return catalogue.transaction().execute(async (transaction) => {
    if (!(await markFailed(transaction, job, toErrorDocument(error)))) return false;
    const kind = NOTIFICATIONS[job.kind];
    const about = job.implementation?.id ?? 'all';
    await notify(
      { catalogue: transaction, clock },
      {
        kind,
        severity: 'error',
        // A backup of the implementation that fails by schedule, too, is one notification.
        key: kind === 'job-failed' ? `${kind} ${job.kind} ${about}` : `${kind} ${about}`,
        implementation: job.implementation ?? undefined,
        params: { code: error.code, job: job.id, kind: job.kind, attempts: job.attempts },
      },
    );
    return true;
  });
}

const NOTIFICATIONS: Readonly<Record<JobKind, NotificationKind>> = {
  'create-backup': 'backup-failed',
  'execute-scheduled-backups': 'backup-failed',
  'cleanup-expired-backups': 'cleanup-failed',
  'delete-backup': 'job-failed',
  'verify-backup': 'job-failed',
  'plan-restore': 'job-failed',
  'apply-restore': 'job-failed',
  'undo-restore': 'job-failed',
};
