'use client';

import type { JobDocument } from '@cofre/contracts';
import { LoaderIcon, OctagonXIcon, TriangleAlertIcon, XIcon } from 'lucide-react';
import { useFormatter, useTranslations } from 'next-intl';
import type { ReactNode } from 'react';
import { cancelModuleJob } from '#app/actions/admin/modules/jobs.ts';
import { useByteSize } from '#components/byte-size.tsx';
import { RelativeTime } from '#components/date-time.tsx';
import { Alert, AlertDescription, AlertTitle } from '#components/ui/alert.tsx';
import { Button } from '#components/ui/button.tsx';
import { Card, CardContent } from '#components/ui/card.tsx';
import { Progress } from '#components/ui/progress.tsx';
import { useAction } from '#components/use-action.ts';
import { useDuration } from './use-duration.ts';

interface JobCardProps {
  readonly job: JobDocument;
  readonly isAdministrator: boolean;
}

type Steps = NonNullable<JobDocument['progress']>;

/** How far a job is: what it does, how much is done, how long it takes, and the way to stop it. */
export function JobCard({ job, isAdministrator }: JobCardProps) {
  const t = useTranslations('jobs');
  const { kind, state, progress, createdAt, createdBy, waitingForWorker } = job;
  return (
    <Card className="border-info-border py-4">
      <CardContent className="flex flex-col gap-3">
        <div className="flex flex-wrap items-start justify-between gap-x-4 gap-y-2">
          <div className="min-w-0">
            <h2 className="flex items-center gap-2 font-medium">
              <LoaderIcon className="size-4 shrink-0 animate-spin motion-reduce:animate-none" aria-hidden="true" />
              {t(`kinds.${kind}`)}
            </h2>
            <p className="text-sm text-muted-foreground">
              {t.rich('startedBy', { name: createdBy ?? t('somebody'), when: () => <RelativeTime at={createdAt} /> })}
            </p>
          </div>
          {isAdministrator ? <CancelButton job={job} /> : null}
        </div>
        <JobProgress job={job} />
        <p className="sr-only" role="status">
          {t(`kinds.${kind}`)}: {state === 'running' && progress !== null ? phaseOf(t, progress) : t(`states.${state}`)}
        </p>
        {waitingForWorker ? (
          <Alert variant="warning" role="note">
            <TriangleAlertIcon aria-hidden="true" />
            <AlertTitle>{t('noWorker')}</AlertTitle>
            <AlertDescription>
              <p>{t.rich('startWorker', { command: (words) => <code className="font-mono">{words}</code> })}</p>
            </AlertDescription>
          </Alert>
        ) : null}
      </CardContent>
    </Card>
  );
}

/** Bar and figures alone, for who has a frame of their own. */
export function JobProgress({ job }: { readonly job: JobDocument }) {
  const t = useTranslations('jobs');
  const { state, progress, kind } = job;
  const total = progress?.rowsTotal ?? null;
  const isPart = progress !== null && total !== null && total > 0;
  const value = state === 'running' && isPart ? Math.min(100, Math.round((progress.rows * 100) / total)) : null;
  return (
    <div className="flex flex-col gap-2">
      <Progress value={value} aria-label={t(`kinds.${kind}`)} />
      <p className="flex min-h-5 flex-wrap gap-x-4 gap-y-1 text-sm text-muted-foreground tabular-nums">
        {state === 'running' && progress !== null ? (
          <Figures progress={progress} />
        ) : (
          <span>{t(`states.${state}`)}</span>
        )}
      </p>
    </div>
  );
}

function Figures({ progress }: { readonly progress: Steps }) {
  const t = useTranslations('jobs');
  const format = useFormatter();
  const sizeOf = useByteSize();
  const durationOf = useDuration();
  const { table, rows, rowsTotal, bytes, rowsPerSecond, bytesPerSecond, remainingMs } = progress;
  const items: ReactNode[] = [
    table === null ? phaseOf(t, progress) : t('phaseOfTable', { phase: phaseOf(t, progress), table }),
  ];
  if (rows > 0) items.push(rowsTotal === null ? t('rows', { rows }) : t('rowsOf', { rows, total: rowsTotal }));
  if (bytes > 0) items.push(sizeOf(bytes));
  if (rowsPerSecond !== null) items.push(t('rowsPerSecond', { rate: format.number(Math.round(rowsPerSecond)) }));
  if (bytesPerSecond !== null) items.push(t('bytesPerSecond', { rate: sizeOf(Math.round(bytesPerSecond)) }));
  if (remainingMs !== null) items.push(t('remaining', { duration: durationOf(remainingMs) }));
  return items.map((item, index) => (
    // oxlint-disable-next-line react/no-array-index-key -- which figures there are depends on what is known
    <span key={index}>{item}</span>
  ));
}

const PHASES = ['prepare', 'read', 'store', 'verify', 'plan', 'apply', 'done'] as const;

function phaseOf(t: ReturnType<typeof useTranslations<'jobs'>>, { phase }: Steps): string {
  const known = PHASES.find((it) => it === phase);
  return known === undefined ? phase : t(`phases.${known}`);
}

function CancelButton({ job }: { readonly job: JobDocument }) {
  const t = useTranslations('jobs');
  const cancel = useAction(cancelModuleJob);
  const isAsked = job.cancelRequested || cancel.isPending;
  return (
    <Button variant="outline" size="sm" disabled={isAsked} onClick={() => cancel.run({ job: job.id })}>
      <XIcon aria-hidden="true" />
      {isAsked ? t('stopping') : t('cancel')}
    </Button>
  );
}

/** A job that failed while somebody looked: why, and what to do. */
export function FailedJob({ job, onDismiss }: { readonly job: JobDocument; readonly onDismiss: () => void }) {
  const t = useTranslations('jobs');
  const common = useTranslations('common');
  const { kind, error } = job;
  return (
    <Alert variant="danger">
      <OctagonXIcon aria-hidden="true" />
      <AlertTitle>{t('failed', { kind: t(`kinds.${kind}`) })}</AlertTitle>
      <AlertDescription>
        {error === undefined ? null : (
          <>
            <p>{t('sentences', { message: error.message, hint: error.hint })}</p>
            <p className="font-mono text-xs">{common('code', { code: error.code })}</p>
          </>
        )}
        <Button variant="outline" size="sm" className="mt-2" onClick={onDismiss}>
          {common('close')}
        </Button>
      </AlertDescription>
    </Alert>
  );
}
