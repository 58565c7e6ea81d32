'use client';

import type { BackupDocument, JobDocument } from '@cofre/contracts';
import { UndoDotIcon } from 'lucide-react';
import Link from 'next/link';
import { useTranslations } from 'next-intl';
import type { ReactNode } from 'react';
import { ByteSize } from '#components/byte-size.tsx';
import { RelativeTime } from '#components/date-time.tsx';
import { Button } from '#components/ui/button.tsx';
import { Card, CardContent } from '#components/ui/card.tsx';
import { backupPath, restorePath } from '#lib/paths.ts';
import { BackupActions } from './BackupActions.tsx';
import { BackupBadges, ExpiryWords } from './BackupBadges.tsx';
import { useDescription } from './use-description.ts';

interface BackupCardProps {
  readonly backup: BackupDocument;
  readonly isAdministrator: boolean;
  /** It is another one now: held, released. */
  readonly onChanged: () => void;
  /** A job was asked for. */
  readonly onStarted: (job: JobDocument) => void;
}

/** One backup in the list. */
export function BackupCard({ backup, isAdministrator, onChanged, onStarted }: BackupCardProps) {
  const t = useTranslations('backups');
  const { status, createdAt, stats, error } = backup;
  const description = useDescription(backup);
  const isRestorable = status === 'completed';
  return (
    <Card className="py-4">
      <CardContent className="flex flex-wrap items-start justify-between gap-x-4 gap-y-3">
        <div className="flex min-w-0 flex-1 basis-64 flex-col gap-2">
          <div className="flex flex-wrap items-center gap-2">
            <Link
              href={backupPath(backup)}
              // Of a list few are opened, and each would be asked for as soon as it is seen.
              prefetch={false}
              className="mr-1 font-medium underline-offset-4 hover:underline"
            >
              <RelativeTime at={createdAt} />
            </Link>
            <BackupBadges backup={backup} />
          </div>
          {description === null ? null : <p className="break-words">{description}</p>}
          {error === undefined ? null : <p className="text-sm text-danger-foreground">{error.message}</p>}
          <dl className="flex flex-wrap gap-x-5 gap-y-1 text-sm text-muted-foreground">
            {isRestorable ? (
              <>
                <Figure name={t('stored')}>
                  {t.rich('storedOfRaw', {
                    stored: () => <ByteSize bytes={stats.bytesStored} />,
                    raw: () => <ByteSize bytes={stats.bytesRaw} />,
                  })}
                </Figure>
                <Figure name={t('rows')}>{t('rowCount', { count: stats.rows })}</Figure>
                <Figure name={t('changed')}>{t('rowCount', { count: stats.rowsChanged })}</Figure>
              </>
            ) : null}
            <Figure name={t('by')}>
              <MadeBy backup={backup} />
            </Figure>
            {isRestorable ? (
              <Figure name={t('expiry')}>
                <ExpiryWords backup={backup} />
              </Figure>
            ) : null}
          </dl>
        </div>
        <div className="flex items-center gap-2">
          {isAdministrator && isRestorable ? (
            <Button variant="outline" size="sm" asChild>
              <Link href={restorePath(backup)} prefetch={false}>
                <UndoDotIcon aria-hidden="true" />
                {t('restore')}
              </Link>
            </Button>
          ) : null}
          <BackupActions
            backup={backup}
            isAdministrator={isAdministrator}
            onChanged={onChanged}
            onStarted={onStarted}
          />
        </div>
      </CardContent>
    </Card>
  );
}

/** Who, or what, made it. */
export function MadeBy({ backup: { origin, createdBy } }: { readonly backup: BackupDocument }) {
  const t = useTranslations('backups');
  if (origin === 'scheduled') return t('bySchedule');
  if (origin === 'imported') return t('byImport');
  return createdBy ?? t('bySomebody');
}

function Figure({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div className="flex gap-1.5">
      <dt>{name}</dt>
      <dd className="text-foreground tabular-nums">{children}</dd>
    </div>
  );
}
