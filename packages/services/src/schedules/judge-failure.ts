import { type CofreError, isCofreError } from '@cofre/contracts';
import { audit } from '../audit/audit.ts';
import { toCofreError } from '../error-document.ts';
import type { ServiceContext } from '../service-context.ts';
import { busyPauseMs, FAILURES_UNTIL_NOTICE, retryPauseMs } from './back-off.ts';
import type { Due, Outcome } from './back-up-claimed.ts';
import { notifyFailed, notifyImpossible } from './notices.ts';
import { postpone, releaseClaim, settleFailed } from './settle-claim.ts';

/**
 * What follows from a failure: an early retry where that may help; where it does not, or did not for long, the next
 * regular time, and administrators are told. Throws the error itself where the whole run was interrupted.
 */
export async function judgeFailure(context: ServiceContext, due: Due, thrown: unknown): Promise<Outcome> {
  const { catalogue, clock, random, signal } = context;
  const { claim, scheduled } = due;
  const { ref } = scheduled;
  if (isCofreError(thrown, 'backup/interrupted') && signal?.aborted === true) {
    await releaseClaim(catalogue, claim);
    throw thrown;
  }
  const error = toCofreError(thrown);
  const after = (pauseMs: number) => new Date(clock.now().getTime() + pauseMs);
  if (error.code === 'backup/busy') {
    await postpone(catalogue, claim, after(busyPauseMs(random)));
    return { kind: 'busy' };
  }
  const failures = claim.failures + 1;
  if (error.retryable && failures < FAILURES_UNTIL_NOTICE) {
    await settleFailed(catalogue, claim, { error, retryAt: after(retryPauseMs(failures, random)) });
  } else {
    await giveUp(context, due, error);
  }
  const details = { code: error.code, scheduled: true };
  await audit(context, { action: 'CREATE_MODULE_BACKUP', outcome: 'failed', implementation: ref, details });
  return { kind: 'failed', implementation: `${ref.module}/${ref.key}`, code: error.code };
}

/** For this time: it is due again at the next one, so that what is broken is not tried every minute for ever. */
async function giveUp(context: ServiceContext, { claim, scheduled, next }: Due, error: CofreError): Promise<void> {
  const { catalogue } = context;
  const { ref } = scheduled;
  if (error.code === 'settings/invalid-schedule') {
    await settleFailed(catalogue, claim, { error, next: null });
    await notifyImpossible(context, ref, error);
    return;
  }
  const nextBackupAt = next();
  await settleFailed(catalogue, claim, { error, next: nextBackupAt });
  await notifyFailed(context, ref, { code: error.code, failures: claim.failures + 1, nextBackupAt });
}
