'use client';

import type { JobDocument } from '@cofre/contracts';
import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { showModuleJob } from '#app/actions/admin/modules/jobs.ts';
import { toast } from '#components/toast.ts';
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
  const report = (job: JobDocument) => {
    const kind = t(`kinds.${job.kind}`);
    if (job.error !== undefined) setFailed((before) => [job, ...before]);
    else if (job.state === 'completed') toast.success(t('ended', { kind }));
    else if (job.state === 'canceled') toast.info(t('canceled', { kind }));
    onEnded?.(job);
  };
  const { jobs, follow } = useJobs(implementation, {
    onEnded: (job) => {
      if (isShown?.(job) !== false) void withFindings(job).then(report);
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
  return { cards, open, follow };
}

/** What was looked through to the end may have been found damaged. Lists do not say so. */
async function withFindings(job: JobDocument): Promise<JobDocument> {
  if (job.kind !== 'verify-backup' || job.state !== 'completed') return job;
  const known = await showModuleJob({ job: job.id }).catch(() => null);
  return known?.success === true ? known.data : job;
}
