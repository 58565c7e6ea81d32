import type { ImplementationDetailDocument } from '@cofre/contracts';
import { DatabaseIcon, SlidersHorizontalIcon } from 'lucide-react';
import { useFormatter, useTranslations } from 'next-intl';
import type { ReactNode } from 'react';
import { ByteSize } from '#components/byte-size.tsx';
import { RelativeTime } from '#components/date-time.tsx';
import { Badge } from '#components/ui/badge.tsx';
import { Card, CardContent, CardDescription, CardHeader, CardTitle } from '#components/ui/card.tsx';
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from '#components/ui/table.tsx';

interface ImplementationDetailsProps {
  readonly implementation: ImplementationDetailDocument;
  /** The configuration, for who may see it. */
  readonly children: ReactNode;
}

/** The tab *Details*: what is known of an implementation, and what its slice consists of. */
export function ImplementationDetails({ implementation, children }: ImplementationDetailsProps) {
  return (
    <div className="flex flex-col gap-4">
      <Overview implementation={implementation} />
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
        <Slice implementation={implementation} />
        <Assignments implementation={implementation} />
      </div>
      {children}
    </div>
  );
}

type Part = Pick<ImplementationDetailsProps, 'implementation'>;

function Overview({ implementation }: Part) {
  const t = useTranslations('implementation');
  const { key, backups, lastBackupAt, lastProvenAt, nextBackupAt } = implementation;
  const moment = (at: string | null, absent: string): ReactNode => (at === null ? absent : <RelativeTime at={at} />);
  return (
    <Card>
      <CardContent>
        <dl className="grid grid-cols-2 gap-x-6 gap-y-4 md:grid-cols-3 lg:grid-cols-5">
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
      <dd className="font-medium">{children}</dd>
    </div>
  );
}

function Slice({ implementation: { slice, sliceError } }: Part) {
  const t = useTranslations('implementation');
  const format = useFormatter();
  const rows = slice?.tables.reduce((sum, table) => sum + table.rows, 0) ?? 0;
  return (
    <Card>
      <CardHeader>
        <CardTitle>{t('tables')}</CardTitle>
        <CardDescription>
          {slice === null
            ? t(sliceError === undefined ? 'noSlice' : 'sliceAway')
            : t.rich('sliceTaken', {
                rows,
                tables: slice.tables.length,
                when: () => <RelativeTime at={slice.takenAt} />,
              })}
        </CardDescription>
      </CardHeader>
      {slice === null ? null : (
        <CardContent>
          <Table aria-label={t('tables')}>
            <TableHeader>
              <TableRow>
                <TableHead>{t('table')}</TableHead>
                <TableHead>{t('role')}</TableHead>
                <TableHead className="text-right">{t('rows')}</TableHead>
                <TableHead className="text-right">{t('size')}</TableHead>
              </TableRow>
            </TableHeader>
            <TableBody>
              {slice.tables.map(({ table, role, rows: count, bytes }) => (
                <TableRow key={table}>
                  <TableCell className="font-mono text-xs whitespace-nowrap">{table}</TableCell>
                  <TableCell>
                    <Badge variant={role === 'config' ? 'info' : 'secondary'}>
                      {role === 'config' ? (
                        <SlidersHorizontalIcon aria-hidden="true" />
                      ) : (
                        <DatabaseIcon aria-hidden="true" />
                      )}
                      {t(`roles.${role}`)}
                    </Badge>
                  </TableCell>
                  <TableCell className="text-right tabular-nums">{format.number(count)}</TableCell>
                  <TableCell className="text-right whitespace-nowrap">
                    <ByteSize bytes={bytes} />
                  </TableCell>
                </TableRow>
              ))}
            </TableBody>
          </Table>
        </CardContent>
      )}
    </Card>
  );
}

function Assignments({ implementation: { assignments, assignmentsLeftOut } }: Part) {
  const t = useTranslations('implementation');
  return (
    <Card>
      <CardHeader>
        <CardTitle>{t('assignments')}</CardTitle>
        <CardDescription>{t('assignmentsNote')}</CardDescription>
      </CardHeader>
      <CardContent>
        {assignments.length === 0 ? (
          <p className="text-sm text-muted-foreground">{t('noAssignments')}</p>
        ) : (
          <ul className="divide-y">
            {assignments.map(({ tenantId, name, slug, active }) => (
              <li key={tenantId} className="flex items-center justify-between gap-3 py-2 first:pt-0 last:pb-0">
                <span className="min-w-0">
                  <span className="block break-words">{name}</span>
                  <span className="block font-mono text-xs break-all text-muted-foreground">{slug}</span>
                </span>
                {active === false ? <Badge variant="outline">{t('inactive')}</Badge> : null}
              </li>
            ))}
          </ul>
        )}
        {assignmentsLeftOut === undefined ? null : (
          <p className="mt-3 text-sm text-muted-foreground">{t('assignmentsLeftOut', { count: assignmentsLeftOut })}</p>
        )}
      </CardContent>
    </Card>
  );
}
