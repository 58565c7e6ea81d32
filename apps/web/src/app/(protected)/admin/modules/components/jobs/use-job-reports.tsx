'use client';

import type { JobDocument } from '@cofre/contracts';
import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { toast } from 'sonner';
import { FailedJob, JobCard } from './JobCard.tsx';
import { isOpen, useJobs } from './use-jobs.ts';

interface ReportOptions {
  readonly isAdministrator: boolean;
  /** Which of the implementation's jobs are shown; default: all. */
  readonly isShown?: (job: JobDocument) => boolean;
  readonly onEnded?: (job: JobDocument) => void;
}

/**
 * Cards of what runs, a toast for what ended well, and what failed stays until it is put away. The cards belong at the end of
 * what they are about: there they stay in sight, and nothing else moves when they come and go.
 */
export function useJobReports(implementation: string, { isAdministrator, isShown, onEnded }: ReportOptions) {
  const t = useTranslations('jobs');
  const [failed, setFailed] = useState<readonly JobDocument[]>([]);
  const { jobs, refetch } = useJobs(implementation, {
    onEnded: (job) => {
      if (isShown?.(job) === false) return;
      if (job.state === 'completed') toast.success(t('ended', { kind: t(`kinds.${job.kind}`) }));
      if (job.state === 'canceled') toast.info(t('canceled', { kind: t(`kinds.${job.kind}`) }));
      if (job.state === 'failed') setFailed((before) => [job, ...before]);
      onEnded?.(job);
    },
  });
  const open = jobs.filter((job) => isOpen(job) && isShown?.(job) !== false);
  const cards =
    open.length + failed.length === 0 ? null : (
      <div
        data-slot="job-cards"
        className="sticky bottom-4 z-30 flex max-h-[60dvh] flex-col gap-3 overflow-y-auto rounded-xl shadow-lg"
      >
        {open.map((job) => (
          <JobCard key={job.id} job={job} isAdministrator={isAdministrator} />
        ))}
        {failed.map((job) => (
          <FailedJob
            key={job.id}
            job={job}
            onDismiss={() => setFailed((before) => before.filter(({ id }) => id !== job.id))}
          />
        ))}
      </div>
    );
  return { cards, open, refetch };
}
