'use client';

import { LoaderCircleIcon, ServerOffIcon, WifiOffIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { useByteSize } from '#components/byte-size.tsx';
import { Alert, AlertDescription, AlertTitle } from '#components/ui/alert.tsx';
import { Card, CardContent } from '#components/ui/card.tsx';
import { Progress } from '#components/ui/progress.tsx';
import { tableLabel } from './table-label.ts';
import type { WatchedJob } from './use-job.ts';

const PHASES = ['prepare', 'read', 'store', 'verify', 'plan', 'apply', 'done'] as const;
const MS_PER_SECOND = 1000;
const WHOLE = 100;

interface JobProgressProps {
  readonly watched: WatchedJob;
  readonly label: string;
}

/** How far a job is, in words and a bar. Readers hear the phase when it changes and are spared the rest. */
export function JobProgress({ watched: { job, isUnreachable }, label }: JobProgressProps) {
  const t = useTranslations('restore.run');
  const size = useByteSize();
  const progress = job?.progress ?? null;
  const phase = PHASES.find((it) => it === progress?.phase) ?? 'other';
  const isWaiting = job === null || job.state === 'waiting' || job.state === 'deferred';
  const share =
    progress === null || progress.rowsTotal === null || progress.rowsTotal === 0
      ? null
      : Math.min(WHOLE, Math.round((progress.rows / progress.rowsTotal) * WHOLE));
  const figures =
    progress === null || isWaiting
      ? []
      : [
          ...(progress.table === null ? [] : [tableLabel(progress.table)]),
          progress.rowsTotal === null
            ? t('rows', { rows: progress.rows })
            : t('rowsOf', { rows: progress.rows, total: progress.rowsTotal }),
          ...(progress.bytes === 0 ? [] : [size(progress.bytes)]),
          t('elapsed', { seconds: Math.round(progress.elapsedMs / MS_PER_SECOND) }),
        ];
  return (
    <div className="flex flex-col gap-3">
      <Card>
        <CardContent className="flex flex-col gap-3">
          <p className="flex items-center gap-2 font-medium" role="status">
            <LoaderCircleIcon
              className="size-5 animate-spin text-primary motion-reduce:animate-none"
              aria-hidden="true"
            />
            {isWaiting ? t('waiting') : t(`phases.${phase}`)}
          </p>
          <Progress aria-label={label} value={share} />
          <p className="min-h-5 text-sm text-muted-foreground tabular-nums">{figures.join(' · ')}</p>
        </CardContent>
      </Card>
      {job?.waitingForWorker === true ? (
        <Alert variant="warning">
          <ServerOffIcon aria-hidden="true" />
          <AlertTitle>{t('noWorker')}</AlertTitle>
          <AlertDescription>{t('noWorkerHint')}</AlertDescription>
        </Alert>
      ) : null}
      {isUnreachable ? (
        <Alert variant="warning">
          <WifiOffIcon aria-hidden="true" />
          <AlertTitle>{t('unreachable')}</AlertTitle>
        </Alert>
      ) : null}
    </div>
  );
}
