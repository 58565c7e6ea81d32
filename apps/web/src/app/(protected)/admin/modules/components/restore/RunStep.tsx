'use client';

import { useRouter } from 'next/navigation';
import { useTranslations } from 'next-intl';
import { useEffect } from 'react';
import { cancelModuleJob } from '#app/actions/admin/modules/jobs.ts';
import { NOT_SIGNED_IN } from '#components/sign-in-again.tsx';
import { Button } from '#components/ui/button.tsx';
import { useAction } from '#components/use-action.ts';
import { JobProgress } from './JobProgress.tsx';
import { resultId } from './result-id.ts';
import { restoreResultPath } from './restore-address.ts';
import { StepFrame } from './StepFrame.tsx';
import type { StepProps } from './step-props.ts';
import { Trouble } from './Trouble.tsx';
import { useJob, type WatchedJob } from './use-job.ts';

/** Errors after which the preview is worth nothing any more. */
const STALE = new Set(['plan/stale', 'plan/expired', 'plan/not-found', 'plan/conflicts']);

/** The restore as it goes on. When it is done, its result has an address of its own. */
export function RunStep({ backup, way, heading }: StepProps) {
  const t = useTranslations('restore');
  const router = useRouter();
  const watched = useJob(way.address.job);
  const { job } = watched;
  const restore = job?.state === 'completed' ? resultId(job) : null;
  useEffect(() => {
    if (restore !== null) {
      router.replace(restoreResultPath(backup.implementation, { backupId: backup.id, id: restore }));
    }
  }, [restore, router, backup]);
  const cancel = useAction(cancelModuleJob);
  const isFailed = watched.refusal !== null || job?.state === 'failed' || job?.state === 'canceled';
  const isCancelling = cancel.isPending || job?.cancelRequested === true;
  return (
    <StepFrame
      title={t('run.title')}
      lead={isFailed ? undefined : t('run.leave')}
      heading={heading}
      ways={
        isFailed || restore !== null || job === null ? undefined : (
          <Button size="lg" variant="outline" disabled={isCancelling} onClick={() => cancel.run({ job: job.id })}>
            {isCancelling ? t('run.cancelling') : t('run.cancel')}
          </Button>
        )
      }
    >
      {isFailed ? (
        <RunTrouble
          watched={watched}
          onRenew={() => way.amend({ step: 'preview', plan: null, job: null })}
          onBack={() => way.amend({ step: 'confirm', job: null })}
        />
      ) : (
        <JobProgress watched={watched} label={t('run.progress')} />
      )}
    </StepFrame>
  );
}

interface RunTroubleProps {
  readonly watched: WatchedJob;
  readonly onRenew: () => void;
  readonly onBack: () => void;
}

function RunTrouble({ watched: { job, refusal }, onRenew, onBack }: RunTroubleProps) {
  const t = useTranslations('restore');
  const error = refusal ?? job?.error ?? null;
  const renew = (
    <Button size="sm" onClick={onRenew}>
      {t('preview.new')}
    </Button>
  );
  if (error !== null && STALE.has(error.code)) {
    const isStale = error.code === 'plan/stale';
    return (
      <Trouble
        title={isStale ? t('run.stale') : error.message}
        hint={isStale ? t('run.staleHint') : error.hint}
        code={error.code}
        isMild
      >
        {renew}
      </Trouble>
    );
  }
  return (
    <Trouble
      title={job?.state === 'canceled' ? t('run.canceled') : t('run.failed')}
      message={error?.message}
      hint={error?.hint ?? t('run.canceledHint')}
      code={error?.code}
    >
      {refusal === null ? (
        <Button size="sm" variant="outline" onClick={onBack}>
          {t('run.toConfirm')}
        </Button>
      ) : null}
      {refusal?.code === NOT_SIGNED_IN ? null : renew}
    </Trouble>
  );
}
