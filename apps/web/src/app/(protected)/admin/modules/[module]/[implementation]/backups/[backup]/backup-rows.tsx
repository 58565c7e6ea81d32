import type { BackupDocument, BackupRowsDocument } from '@cofre/contracts';
import { listBackupTables, readBackupRows, type ServiceContext } from '@cofre/services';
import { EyeOffIcon } from 'lucide-react';
import { useFormatter, useTranslations } from 'next-intl';
import { getFormatter, getTranslations } from 'next-intl/server';
import { Suspense } from 'react';
import { EmptyState } from '#components/empty-state.tsx';
import { Card, CardContent, CardHeader, CardTitle } from '#components/ui/card.tsx';
import { Pagination, PaginationNext, PaginationPrevious } from '#components/ui/pagination.tsx';
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from '#components/ui/table.tsx';
import { backupPath } from '#lib/paths.ts';
import { CellValue } from '../../../../components/cell-value.tsx';
import { PartFailure } from '../../../../components/PartFailure.tsx';
import { readOrWords } from '#server/read-or-words.ts';
import { PartSkeleton } from './components/PartSkeleton.tsx';
import { TableLinks } from './components/TableLinks.tsx';

interface BackupRowsProps {
  readonly service: ServiceContext;
  readonly backup: BackupDocument;
  /** As the address asks; anything may stand there. */
  readonly table: string | undefined;
  readonly page: string | undefined;
}

const PAGE_SIZE = 50;

/** The rows of a backup, table by table. Secret columns were masked by the use case. */
export async function BackupRows({ service, backup, table: asked, page: askedPage }: BackupRowsProps) {
  const [t, format, read] = await Promise.all([
    getTranslations('rows'),
    getFormatter(),
    readOrWords(listBackupTables(service, { backup: backup.id })),
  ]);
  if ('error' in read) return <PartFailure error={read.error} />;
  const { tables } = read.data;
  const open = tables.find(({ table }) => table === asked) ?? tables.toSorted((a, b) => b.rows - a.rows)[0];
  if (open === undefined) return <EmptyState title={t('noTables')} description={t('noTablesHint')} />;
  const path = `${backupPath(backup)}?view=rows`;
  const pages = Math.max(1, Math.ceil(open.rows / PAGE_SIZE));
  const page = Math.min(pages, Math.max(1, /^\d{1,9}$/.test(askedPage ?? '') ? Number(askedPage) : 1));
  const links = tables.map(({ table, rows: count }) => ({
    table,
    note: format.number(count),
    href: `${path}&${new URLSearchParams({ table })}`,
  }));
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 lg:grid-cols-[18rem_minmax(0,1fr)]">
      <Card className="py-3">
        <CardContent className="px-3">
          <TableLinks tables={links} open={open.table} />
        </CardContent>
      </Card>
      <div className="flex min-w-0 flex-col gap-4">
        <Suspense key={`${page} ${open.table}`} fallback={<PartSkeleton />}>
          <Rows service={service} backup={backup} table={open.table} page={page} />
        </Suspense>
        {pages > 1 ? (
          <Pages page={page} pages={pages} path={`${path}&${new URLSearchParams({ table: open.table })}`} />
        ) : null}
      </div>
    </div>
  );
}

interface RowsProps {
  readonly service: ServiceContext;
  readonly backup: BackupDocument;
  readonly table: string;
  readonly page: number;
}

async function Rows({ service, backup, table, page }: RowsProps) {
  const asked = { backup: backup.id, table, offset: (page - 1) * PAGE_SIZE, limit: PAGE_SIZE };
  const rows = await readOrWords(readBackupRows(service, asked));
  return 'error' in rows ? <PartFailure error={rows.error} /> : <RowsCard rows={rows.data} />;
}

function RowsCard({ rows: document }: { readonly rows: BackupRowsDocument }) {
  const { table, columns, secretColumns, rows, rowsTotal, offset } = document;
  const t = useTranslations('rows');
  return (
    <Card className="min-w-0">
      <CardHeader>
        <CardTitle className="break-all">{table}</CardTitle>
        <p className="text-sm text-muted-foreground" role="status">
          {rows.length === 0
            ? t('none')
            : t('range', { first: offset + 1, last: offset + rows.length, total: rowsTotal })}
        </p>
      </CardHeader>
      <CardContent className="flex flex-col gap-4">
        {rows.length === 0 ? null : (
          <Table aria-label={table}>
            <TableHeader>
              <TableRow>
                {columns.map((column) => (
                  <TableHead key={column}>
                    <span className="inline-flex items-center gap-1.5">
                      {column}
                      {secretColumns.includes(column) ? (
                        <EyeOffIcon className="size-3.5" role="img" aria-label={t('hidden')} />
                      ) : null}
                    </span>
                  </TableHead>
                ))}
              </TableRow>
            </TableHeader>
            <TableBody>
              {rows.map((row, index) => (
                // oxlint-disable-next-line react/no-array-index-key -- a table may have no key, and its rows do not move
                <TableRow key={index}>
                  {columns.map((column) => (
                    <TableCell key={column} className="whitespace-nowrap">
                      <CellValue value={row[column] ?? null} isSecret={secretColumns.includes(column)} />
                    </TableCell>
                  ))}
                </TableRow>
              ))}
            </TableBody>
          </Table>
        )}
      </CardContent>
    </Card>
  );
}

interface PagesProps {
  readonly page: number;
  readonly pages: number;
  readonly path: string;
}

function Pages({ page, pages, path }: PagesProps) {
  const t = useTranslations('rows');
  const format = useFormatter();
  return (
    <Pagination aria-label={t('pages')}>
      {page > 1 ? (
        <PaginationPrevious href={`${path}&page=${page - 1}`} scroll={false}>
          {t('previous')}
        </PaginationPrevious>
      ) : (
        <span />
      )}
      <span className="text-sm text-muted-foreground tabular-nums">
        {t('page', { page: format.number(page), pages: format.number(pages) })}
      </span>
      {page < pages ? (
        <PaginationNext href={`${path}&page=${page + 1}`} scroll={false}>
          {t('next')}
        </PaginationNext>
      ) : (
        <span />
      )}
    </Pagination>
  );
}
