'use client';

import type { BackupDocument } from '@cofre/contracts';
import { ShieldCheckIcon, UndoDotIcon } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { useTranslations } from 'next-intl';
import type { ReactNode } from 'react';
import { verifyModuleBackup } from '#app/actions/admin/modules/module-backups.ts';
import { RelativeTime, useExactTime } from '#components/date-time.tsx';
import { Button } from '#components/ui/button.tsx';
import { useAction } from '#components/use-action.ts';
import { backupsPath, restorePath } from '#lib/paths.ts';
import { BackupActions } from '../../../../../components/backup/BackupActions.tsx';
import { BackupBadges } from '../../../../../components/backup/BackupBadges.tsx';
import { useDescription } from '../../../../../components/backup/use-description.ts';
import { useJobReports } from '../../../../../components/jobs/use-job-reports.tsx';
import { DownloadMenu } from './DownloadMenu.tsx';

interface BackupFrameProps {
  readonly backup: BackupDocument;
  readonly isAdministrator: boolean;
  /** The rest of the page. */
  readonly children: ReactNode;
}

/** Which backup it is and what can be done with it, above the rest; what is being done with it now, below. */
export function BackupFrame({ backup, isAdministrator, children }: BackupFrameProps) {
  const t = useTranslations('backup');
  const exact = useExactTime();
  const router = useRouter();
  const { id, implementation, createdAt, status } = backup;
  const description = useDescription(backup);
  const { cards, open, follow } = useJobReports(implementation.id, {
    isAdministrator,
    isShown: ({ backupId }) => backupId === id,
    onEnded: ({ kind, state }) => {
      if (kind === 'delete-backup' && state === 'completed') router.push(backupsPath(implementation));
      else router.refresh();
    },
  });
  const verify = useAction(verifyModuleBackup, { onSuccess: (job) => follow(job) });
  const isVerifying = open.some(({ kind }) => kind === 'verify-backup') || verify.isPending;
  const isDone = status === 'completed';
  return (
    <div className="flex flex-col gap-6">
      <div className="flex flex-wrap items-start justify-between gap-4">
        <div className="flex min-w-0 flex-col gap-2">
          <h1 className="text-2xl font-semibold tracking-tight">{t('title', { date: exact(createdAt) })}</h1>
          <div className="flex flex-wrap items-center gap-2">
            <span className="text-muted-foreground">
              <RelativeTime at={createdAt} />
            </span>
            <BackupBadges backup={backup} />
          </div>
          {description === null ? null : <p className="break-words">{description}</p>}
        </div>
        <div className="flex flex-wrap items-center gap-2">
          {isAdministrator && isDone ? (
            <>
              <Button variant="outline" disabled={isVerifying} onClick={() => verify.run({ backup: id })}>
                <ShieldCheckIcon aria-hidden="true" />
                {t('verifyNow')}
              </Button>
              <DownloadMenu backup={backup} />
              <Button asChild>
                <Link href={restorePath(backup)}>
                  <UndoDotIcon aria-hidden="true" />
                  {t('restore')}
                </Link>
              </Button>
            </>
          ) : null}
          <BackupActions
            backup={backup}
            isAdministrator={isAdministrator}
            onChanged={() => router.refresh()}
            onStarted={follow}
            isOwnPage
          />
        </div>
      </div>
      {children}
      {cards}
    </div>
  );
}
