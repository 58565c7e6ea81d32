'use client';

import { useQuery } from '@tanstack/react-query';
import { useTimeZone, useTranslations } from 'next-intl';
import type { ReactNode } from 'react';
import { showModuleBackupDays } from '#app/actions/admin/modules/module-backups.ts';
import { RelativeTime } from '#components/date-time.tsx';
import { QueryError } from '#components/query-error.tsx';
import { Card, CardContent } from '#components/ui/card.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { dataOf } from '#lib/action-failure.ts';
import { DayStrip } from './DayStrip.tsx';
import type { BackedUp } from './ModuleBackupManager.tsx';
import { StatusBadge } from './StatusBadge.tsx';

const DAYS = 30;

interface BackupOverviewProps {
  readonly implementation: BackedUp;
  /** The way to make one. */
  readonly action: ReactNode;
  /** A day of the strip was chosen. */
  readonly onDay: (date: string) => void;
}

/** When the next backup comes, how the last one went, and the last thirty days at a glance. */
export function BackupOverview({ implementation, action, onDay }: BackupOverviewProps) {
  const t = useTranslations('backups');
  const timeZone = useTimeZone() ?? 'UTC';
  const { id, nextBackupAt, overdue } = implementation;
  const query = useQuery({
    queryKey: ['backup-days', id, timeZone],
    queryFn: async () => dataOf(await showModuleBackupDays({ implementation: id, days: DAYS, timeZone })),
  });
  const last = query.data?.last ?? null;
  return (
    <Card>
      <CardContent className="flex flex-col gap-5">
        {/* Where there is little room each has a line of its own: what comes later would push down what is below. */}
        <div className="flex flex-col items-start justify-between gap-4 md:flex-row md:items-center">
          <dl className="flex flex-col gap-x-8 gap-y-3 md:flex-row md:flex-wrap">
            <div>
              <dt className="text-sm text-muted-foreground">{t('nextRun')}</dt>
              <dd className="font-medium">
                {nextBackupAt === null
                  ? t('notScheduled')
                  : t.rich(overdue ? 'dueSince' : 'dueAt', { when: () => <RelativeTime at={nextBackupAt} /> })}
              </dd>
            </div>
            <div>
              <dt className="text-sm text-muted-foreground">{t('lastResult')}</dt>
              <dd className="flex min-h-6 flex-wrap items-center gap-2 font-medium">
                {query.isPending ? (
                  <Skeleton className="h-5 w-36" />
                ) : query.isError ? (
                  t('unknown')
                ) : last === null ? (
                  t('noneYet')
                ) : (
                  <>
                    <StatusBadge status={last.status} />
                    <RelativeTime at={last.endedAt} />
                  </>
                )}
              </dd>
            </div>
          </dl>
          {action}
        </div>
        {query.isError ? (
          <QueryError error={query.error} fallback={t('unreadable')} onRetry={() => void query.refetch()} />
        ) : (
          <DayStrip days={query.data?.days ?? null} onDay={onDay} />
        )}
      </CardContent>
    </Card>
  );
}
