import type { CofreError, ImplementationRef } from '@cofre/contracts';
import { notify } from '../notifications/notify.ts';
import type { ServiceContext } from '../service-context.ts';

type NoticeContext = Pick<ServiceContext, 'catalogue' | 'clock'>;

/** It is tried again at the regular times alone. */
export async function notifyFailed(
  context: NoticeContext,
  ref: ImplementationRef,
  failure: { readonly code: string; readonly failures: number; readonly nextBackupAt: Date },
): Promise<void> {
  const { code, failures, nextBackupAt } = failure;
  await notify(context, {
    kind: 'backup-failed',
    severity: 'error',
    key: `backup-failed ${ref.id}`,
    implementation: ref,
    params: { code, failures, nextBackupAt: nextBackupAt.toISOString() },
  });
}

/** Nothing of it is backed up by itself until somebody sets another schedule. */
export async function notifyImpossible(
  context: NoticeContext,
  ref: ImplementationRef,
  { code, params }: CofreError,
): Promise<void> {
  await notify(context, {
    kind: 'schedule-invalid',
    severity: 'error',
    key: `schedule-invalid ${ref.id}`,
    implementation: ref,
    params: { code, ...params },
  });
}

/** Its slice is larger than who ran the schedule may take on. */
export async function notifyDeferred(
  context: NoticeContext,
  ref: ImplementationRef,
  size: { readonly bytes: number; readonly bytesMax: number },
): Promise<void> {
  await notify(context, {
    kind: 'backup-deferred',
    severity: 'warning',
    key: `backup-deferred ${ref.id}`,
    implementation: ref,
    params: size,
  });
}

/** Nothing at all can be backed up, and to try again does not help: the key does not open the repository, or the like. */
export async function notifyRunFailed(context: NoticeContext, { code, params }: CofreError): Promise<void> {
  await notify(context, {
    kind: 'backup-failed',
    severity: 'error',
    key: 'backup-failed everything',
    params: { code, ...params },
  });
}
