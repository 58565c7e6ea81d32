import type { ImplementationDocument } from '@cofre/contracts';
import { useTranslations } from 'next-intl';
import type { ReactNode } from 'react';
import { RelativeTime } from '#components/date-time.tsx';
import { Card, CardContent } from '#components/ui/card.tsx';

/** The tab *Details*: what is known of an implementation. */
export function ImplementationDetails({ implementation }: { readonly implementation: ImplementationDocument }) {
  const t = useTranslations('implementation');
  const { key, backups, lastBackupAt, lastProvenAt, nextBackupAt } = implementation;
  const moment = (at: string | null, absent: string): ReactNode => (at === null ? absent : <RelativeTime at={at} />);
  return (
    <Card>
      <CardContent>
        <dl className="grid gap-x-6 gap-y-4 sm:grid-cols-2 lg:grid-cols-3">
          <Fact name={t('key')}>
            <code className="font-mono text-sm break-all">{key}</code>
          </Fact>
          <Fact name={t('backups')}>{t('backupCount', { count: backups })}</Fact>
          <Fact name={t('lastBackup')}>{moment(lastBackupAt, t('never'))}</Fact>
          <Fact name={t('nextBackup')}>{moment(nextBackupAt, t('notScheduled'))}</Fact>
          <Fact name={t('lastProven')}>{moment(lastProvenAt, t('neverProven'))}</Fact>
        </dl>
      </CardContent>
    </Card>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-sm text-muted-foreground">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
