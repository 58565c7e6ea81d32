'use client';

import type { BackupDocument } from '@cofre/contracts';
import { OctagonXIcon } from 'lucide-react';
import Link from 'next/link';
import { useFormatter, useTranslations } from 'next-intl';
import type { ReactNode } from 'react';
import { ByteSize } from '#components/byte-size.tsx';
import { RelativeTime, useExactTime } from '#components/date-time.tsx';
import { Alert, AlertDescription, AlertTitle } from '#components/ui/alert.tsx';
import { Card, CardContent, CardHeader, CardTitle } from '#components/ui/card.tsx';
import { backupPath } from '#lib/paths.ts';
import { ExpiryWords } from '../../../../../components/backup/BackupBadges.tsx';
import { MadeBy } from '../../../../../components/backup/BackupCard.tsx';
import { HeldBy } from '../../../../../components/backup/DeleteBackupDialog.tsx';
import { useDuration } from '../../../../../components/jobs/use-duration.ts';

/** Everything that is known of a backup without looking inside. */
export function BackupAbout({ backup }: { readonly backup: BackupDocument }) {
  const t = useTranslations('backup');
  const { held, error, status } = backup;
  return (
    <div className="flex flex-col gap-4">
      {error === undefined ? null : (
        <Alert variant="danger">
          <OctagonXIcon aria-hidden="true" />
          <AlertTitle>{error.message}</AlertTitle>
          <AlertDescription>
            <p>{error.hint}</p>
            <p className="font-mono text-xs">{t('code', { code: error.code })}</p>
          </AlertDescription>
        </Alert>
      )}
      {held ? <HeldBy backup={backup} /> : null}
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Story backup={backup} />
        {status === 'completed' ? <Content backup={backup} /> : null}
      </div>
    </div>
  );
}

function Story({ backup }: { readonly backup: BackupDocument }) {
  const t = useTranslations('backup');
  const exact = useExactTime();
  const durationOf = useDuration();
  const { implementation, createdAt, completedAt, stats, parentId, verifiedAt, provenAt, origin } = backup;
  const moment = (at: string | null) => (at === null ? t('never') : <RelativeTime at={at} />);
  return (
    <Facts title={t('story')}>
      <Fact name={t('madeAt')}>{exact(createdAt)}</Fact>
      <Fact name={t('madeBy')}>
        <MadeBy backup={backup} />
      </Fact>
      <Fact name={t('why')}>{t(`origins.${origin}`)}</Fact>
      {completedAt === null ? null : <Fact name={t('took')}>{durationOf(stats.durationMs)}</Fact>}
      <Fact name={t('verified')}>{moment(verifiedAt)}</Fact>
      <Fact name={t('proven')}>{moment(provenAt)}</Fact>
      <Fact name={t('expiry')}>
        <ExpiryWords backup={backup} />
      </Fact>
      <Fact name={t('parent')}>
        {parentId === null ? (
          t('noParent')
        ) : (
          <Link
            href={backupPath({ id: parentId, implementation })}
            className="font-mono text-sm break-all underline underline-offset-4 hover:no-underline"
          >
            {parentId.slice(0, SHORT_ID)}
          </Link>
        )}
      </Fact>
    </Facts>
  );
}

const SHORT_ID = 8;

function Content({ backup: { stats, encrypted, compression, checksum, id } }: { readonly backup: BackupDocument }) {
  const t = useTranslations('backup');
  const format = useFormatter();
  return (
    <Facts title={t('content')}>
      <Fact name={t('rows')}>{format.number(stats.rows)}</Fact>
      <Fact name={t('tables')}>{format.number(stats.tables)}</Fact>
      <Fact name={t('rowsChanged')}>{format.number(stats.rowsChanged)}</Fact>
      <Fact name={t('rowsRead')}>{format.number(stats.rowsRead)}</Fact>
      <Fact name={t('raw')}>
        <ByteSize bytes={stats.bytesRaw} />
      </Fact>
      <Fact name={t('stored')}>
        <ByteSize bytes={stats.bytesStored} />
      </Fact>
      <Fact name={t('encryption')}>{t(encrypted ? 'encrypted' : 'notEncrypted')}</Fact>
      <Fact name={t('compression')}>{compression === 'none' ? t('noCompression') : compression}</Fact>
      <Fact name={t('id')} isWide>
        <code className="font-mono text-xs break-all">{id}</code>
      </Fact>
      {checksum === null ? null : (
        <Fact name={t('checksum')} isWide>
          <code className="font-mono text-xs break-all">{checksum}</code>
        </Fact>
      )}
    </Facts>
  );
}

function Facts({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <Card>
      <CardHeader>
        <CardTitle>{title}</CardTitle>
      </CardHeader>
      <CardContent>
        <dl className="grid grid-cols-1 gap-x-6 gap-y-4 sm:grid-cols-2">{children}</dl>
      </CardContent>
    </Card>
  );
}

interface FactProps {
  readonly name: string;
  readonly isWide?: boolean;
  readonly children: ReactNode;
}

function Fact({ name, isWide = false, children }: FactProps) {
  return (
    <div className={isWide ? 'min-w-0 sm:col-span-2' : 'min-w-0'}>
      <dt className="text-sm text-muted-foreground">{name}</dt>
      <dd className="break-words tabular-nums">{children}</dd>
    </div>
  );
}
