import type { BackupDocument, DiffDocument, PlanRow } from '@cofre/contracts';
import { diffBackups, listBackups, type ServiceContext } from '@cofre/services';
import { EqualIcon, MinusIcon, PencilIcon, PlusIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { getFormatter, getTranslations } from 'next-intl/server';
import { Suspense } from 'react';
import { Badge } from '#components/ui/badge.tsx';
import { Card, CardContent, CardDescription, CardHeader, CardTitle } from '#components/ui/card.tsx';
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from '#components/ui/table.tsx';
import { backupPath } from '#lib/paths.ts';
import { CellValue } from '../../../../components/cell-value.tsx';
import { ChooseOther } from './components/ChooseOther.tsx';
import { PartFailure } from '../../../../components/PartFailure.tsx';
import { PartSkeleton } from './components/PartSkeleton.tsx';
import { readOrWords } from '#server/read-or-words.ts';
import { TableLinks } from './components/TableLinks.tsx';

interface ComparisonProps {
  readonly service: ServiceContext;
  readonly backup: BackupDocument;
  /** As the address asks: `live`, or the id of another backup; anything may stand there. */
  readonly other: string | undefined;
  readonly table: string | undefined;
}

/** Backups that are offered to compare with. */
const OTHERS_MAX = 100;
/** Rows that are drawn of one table. */
const ROWS_SHOWN_MAX = 100;

/** What is different today, or in another backup. */
export async function Comparison({ service, backup, other: asked, table }: ComparisonProps) {
  const [t, names, format, { items }] = await Promise.all([
    getTranslations('compare'),
    getTranslations('backups.types'),
    getFormatter(),
    listBackups(service, { implementation: backup.implementation.id, status: 'completed', limit: OTHERS_MAX }),
  ]);
  const others = items.filter(({ id }) => id !== backup.id);
  const other = others.find(({ id }) => id === asked)?.id ?? 'live';
  const nameOf = ({ createdAt, type }: BackupDocument) =>
    t('other', {
      date: format.dateTime(new Date(createdAt), { dateStyle: 'medium', timeStyle: 'short' }),
      type: names(type),
    });
  return (
    <div className="flex flex-col gap-4">
      <ChooseOther
        path={`${backupPath(backup)}?view=compare`}
        chosen={other}
        others={others.map((it) => ({ id: it.id, name: nameOf(it) }))}
      />
      <Suspense key={other} fallback={<PartSkeleton />}>
        <Difference service={service} backup={backup} other={other} table={table} />
      </Suspense>
    </div>
  );
}

async function Difference({ service, backup, other = 'live', table: asked }: ComparisonProps) {
  const [t, format, read] = await Promise.all([
    getTranslations('compare'),
    getFormatter(),
    readOrWords(diffBackups(service, { from: backup.id, to: other, rows: true })),
  ]);
  if ('error' in read) return <PartFailure error={read.error} />;
  const changed = read.data.tables.filter((it) => changesOf(it) > 0);
  if (changed.length === 0) {
    return (
      <Card>
        <CardContent className="flex items-center gap-3">
          <EqualIcon className="size-5 shrink-0 text-success-foreground" aria-hidden="true" />
          <p>{t(other === 'live' ? 'sameAsLive' : 'sameAsOther')}</p>
        </CardContent>
      </Card>
    );
  }
  const open = changed.find((it) => it.table === asked) ?? changed.toSorted((a, b) => changesOf(b) - changesOf(a))[0];
  const path = `${backupPath(backup)}?view=compare&with=${other}`;
  const links = changed.map((it) => ({
    table: it.table,
    note: format.number(changesOf(it)),
    href: `${path}&${new URLSearchParams({ table: it.table })}`,
  }));
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 lg:grid-cols-[18rem_minmax(0,1fr)]">
      <Card className="py-3">
        <CardContent className="px-3">
          <TableLinks tables={links} open={open?.table} />
          <p className="px-3 pt-2 text-sm text-muted-foreground">
            {t('unchangedTables', { count: read.data.tables.length - changed.length })}
          </p>
        </CardContent>
      </Card>
      {open === undefined ? null : <TableDifference table={open} />}
    </div>
  );
}

type TableChange = DiffDocument['tables'][number];

function changesOf({ inserted, updated, deleted }: TableChange): number {
  return inserted + updated + deleted;
}

function TableDifference({ table: { table, inserted, updated, deleted, rows = [] } }: { readonly table: TableChange }) {
  const t = useTranslations('compare');
  const shown = rows.slice(0, ROWS_SHOWN_MAX);
  const left = inserted + updated + deleted - shown.length;
  return (
    <Card className="min-w-0">
      <CardHeader>
        <CardTitle className="break-all">{table}</CardTitle>
        <CardDescription>{t('summary', { inserted, updated, deleted })}</CardDescription>
      </CardHeader>
      <CardContent className="flex flex-col gap-3">
        {shown.length === 0 ? (
          <p className="text-sm text-muted-foreground">{t('wholeTable')}</p>
        ) : (
          <Table aria-label={table}>
            <TableHeader>
              <TableRow>
                <TableHead>{t('change')}</TableHead>
                <TableHead>{t('key')}</TableHead>
                <TableHead>{t('values')}</TableHead>
              </TableRow>
            </TableHeader>
            <TableBody>
              {shown.map((row, index) => (
                // oxlint-disable-next-line react/no-array-index-key -- a table may have no key, and its rows do not move
                <ChangedRow key={index} row={row} />
              ))}
            </TableBody>
          </Table>
        )}
        {left > 0 && shown.length > 0 ? (
          <p className="text-sm text-muted-foreground">{t('more', { count: left })}</p>
        ) : null}
      </CardContent>
    </Card>
  );
}

const OPERATIONS = {
  insert: { variant: 'success', Icon: PlusIcon },
  update: { variant: 'warning', Icon: PencilIcon },
  delete: { variant: 'danger', Icon: MinusIcon },
} as const;

/** As the use case writes it in place of a secret. */
const MASK = '••••••';

function ChangedRow({ row: { op, key, before, after } }: { readonly row: PlanRow }) {
  const t = useTranslations('compare');
  const { variant, Icon } = OPERATIONS[op];
  const columns = Object.keys(after ?? before ?? {}).filter((column) => op === 'update' || !Object.hasOwn(key, column));
  const value = (row: PlanRow['before'], column: string) => {
    const text = row?.[column] ?? null;
    return <CellValue value={text} isSecret={text === MASK} />;
  };
  return (
    <TableRow className="align-top">
      <TableCell>
        <Badge variant={variant}>
          <Icon aria-hidden="true" />
          {t(`operations.${op}`)}
        </Badge>
      </TableCell>
      <TableCell className="font-mono text-xs whitespace-nowrap">{Object.values(key).join(', ')}</TableCell>
      <TableCell>
        <dl className="grid gap-x-3 gap-y-1 sm:grid-cols-[minmax(6rem,10rem)_1fr]">
          {columns.map((column) => (
            <div key={column} className="contents">
              <dt className="font-mono text-xs leading-5 break-all text-muted-foreground">{column}</dt>
              <dd className="flex min-w-0 flex-wrap items-baseline gap-x-2">
                {op === 'update' ? (
                  <>
                    <del className="text-muted-foreground">{value(before, column)}</del>
                    <span aria-hidden="true">→</span>
                    <ins className="no-underline">{value(after, column)}</ins>
                  </>
                ) : (
                  value(after ?? before, column)
                )}
              </dd>
            </div>
          ))}
        </dl>
      </TableCell>
    </TableRow>
  );
}
