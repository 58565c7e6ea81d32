'use client';

import type { ActionResult, JobDocument, PlanRestoreInput } from '@cofre/contracts';
import { useTranslations } from 'next-intl';
import { useEffect, useRef, useState } from 'react';
import { previewModuleRestore } from '#app/actions/admin/modules/module-backups.ts';
import { Button } from '#components/ui/button.tsx';
import { JobProgress } from './JobProgress.tsx';
import { resultId } from './result-id.ts';
import { Trouble } from './Trouble.tsx';
import { useJob } from './use-job.ts';

type Failure = Extract<ActionResult<never>, { success: false }>['error'];

interface PlanningProps {
  readonly input: PlanRestoreInput;
  /** What was asked for already, and is known by the address. */
  readonly job: string | null;
  readonly onJob: (job: string | null) => void;
  readonly onPlan: (plan: string) => void;
}

/** Has a plan computed and shows how far it is. The same plan asked for twice is one job. */
export function Planning({ input, job: id, onJob, onPlan }: PlanningProps) {
  const t = useTranslations('restore');
  const [failure, setFailure] = useState<Failure | null>(null);
  const asked = useRef(false);
  const watched = useJob(id);
  const { job, refusal } = watched;
  const start = async () => {
    setFailure(null);
    try {
      const result = await previewModuleRestore(input);
      if (result.success) onJob(result.data.id);
      else setFailure(result.error);
    } catch {
      setFailure({ code: 'common/unreachable', message: t('run.unreachable') });
    }
  };
  useEffect(() => {
    if (id !== null || asked.current) return;
    asked.current = true;
    void start();
  });
  const plan = job === null ? null : planOf(job);
  useEffect(() => {
    if (plan !== null) onPlan(plan);
  });
  const again = () => {
    asked.current = false;
    onJob(null);
    if (id === null) void start();
  };
  const error = failure ?? refusal ?? job?.error ?? null;
  if (error !== null || job?.state === 'canceled') {
    return (
      <Trouble
        title={error === null ? t('run.canceled') : t('run.previewFailed')}
        message={error?.message}
        hint={error === null ? t('run.canceledHint') : error.hint}
        code={error?.code === 'common/unreachable' ? undefined : error?.code}
      >
        <Button size="sm" variant="outline" onClick={again}>
          {t('run.again')}
        </Button>
      </Trouble>
    );
  }
  return (
    <div className="flex flex-col gap-3">
      <JobProgress watched={watched} label={t('preview.working')} />
      <p className="text-sm text-muted-foreground">{t('preview.workingHint')}</p>
    </div>
  );
}

function planOf(job: JobDocument): string | null {
  return job.state === 'completed' ? resultId(job) : null;
}
