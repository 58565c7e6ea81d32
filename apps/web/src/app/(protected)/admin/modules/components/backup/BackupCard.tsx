import type { BackupDocument } from '@cofre/contracts';
import { LockIcon, ShieldCheckIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import type { ReactNode } from 'react';
import { ByteSize } from '#components/byte-size.tsx';
import { RelativeTime } from '#components/date-time.tsx';
import { Badge } from '#components/ui/badge.tsx';
import { Card, CardContent } from '#components/ui/card.tsx';
import { StatusBadge } from './StatusBadge.tsx';

/** One backup in the list. */
export function BackupCard({ backup }: { readonly backup: BackupDocument }) {
  const t = useTranslations('backups');
  const { type, status, createdAt, createdBy, description, stats, held, verifiedAt } = backup;
  return (
    <Card className="py-4">
      <CardContent className="flex flex-col gap-2">
        <div className="flex flex-wrap items-center gap-2">
          <span className="font-medium">
            <RelativeTime at={createdAt} />
          </span>
          <Badge variant="secondary">{t(`types.${type}`)}</Badge>
          <StatusBadge status={status} />
          {held ? (
            <Badge variant="info">
              <LockIcon aria-hidden="true" />
              {t('held')}
            </Badge>
          ) : null}
          {verifiedAt === null ? null : (
            <Badge variant="outline">
              <ShieldCheckIcon aria-hidden="true" />
              {t('verified')}
            </Badge>
          )}
        </div>
        {description === null ? null : <p className="break-words">{description}</p>}
        <dl className="flex flex-wrap gap-x-6 gap-y-1 text-sm text-muted-foreground">
          <Figure name={t('stored')}>
            <ByteSize bytes={stats.bytesStored} />
          </Figure>
          <Figure name={t('rows')}>{t('rowCount', { count: stats.rows })}</Figure>
          <Figure name={t('changed')}>{t('rowCount', { count: stats.rowsChanged })}</Figure>
          {createdBy === null ? null : <Figure name={t('by')}>{createdBy}</Figure>}
        </dl>
      </CardContent>
    </Card>
  );
}

function Figure({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div className="flex gap-1.5">
      <dt>{name}</dt>
      <dd className="text-foreground">{children}</dd>
    </div>
  );
}
