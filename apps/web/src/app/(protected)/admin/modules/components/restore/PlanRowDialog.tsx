'use client';

import { useQuery } from '@tanstack/react-query';
import { ArrowRightIcon, KeyRoundIcon, LockIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import type { ReactNode } from 'react';
import { readModulePlanRows } from '#app/actions/admin/modules/module-restores.ts';
import { QueryError } from '#components/query-error.tsx';
import { Badge } from '#components/ui/badge.tsx';
import { Dialog, DialogContent, DialogDescription, DialogHeader, DialogTitle } from '#components/ui/dialog.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { dataOf } from '#lib/action-failure.ts';
import { cn } from '#lib/cn.ts';
import { OPERATION_LOOKS, Value } from './PlanRowLine.tsx';
import { type PlanRow, rowName, rowsInput, type RowsOf } from './plan-rows.ts';
import { tableLabel } from './table-label.ts';

/** What a person may still read of one value. */
const VALUE_CHARS_MAX = 20_000;

interface PlanRowDialogProps {
  readonly rowsOf: RowsOf;
  /** null: none is shown. */
  readonly row: PlanRow | null;
  readonly onClose: () => void;
}

/** One row, whole: each column as it is now and as it would be. */
export function PlanRowDialog({ rowsOf, row, onClose }: PlanRowDialogProps) {
  return (
    <Dialog open={row !== null} onOpenChange={(isOpen) => (isOpen ? undefined : onClose())}>
      <DialogContent className="sm:max-w-3xl">
        {row === null ? null : <RowContent rowsOf={rowsOf} row={row} />}
      </DialogContent>
    </Dialog>
  );
}

function RowContent({ rowsOf, row }: { readonly rowsOf: RowsOf; readonly row: PlanRow }) {
  const t = useTranslations('restore.rows');
  const query = useQuery({
    queryKey: ['plan-row', rowsOf.planId, rowsOf.table, rowsOf.kind, row.position],
    queryFn: async () =>
      dataOf(
        await readModulePlanRows({
          ...rowsInput(rowsOf),
          from: row.position,
          limit: 1,
          valueCharsMax: VALUE_CHARS_MAX,
        }),
      ),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const whole = query.data?.rows[0];
  const keyColumns = query.data?.keyColumns ?? [];
  const { key, name } = rowName(row, keyColumns);
  const { Icon, colour } = OPERATION_LOOKS[row.op];
  return (
    <>
      <DialogHeader>
        <DialogTitle className="break-words">{name ?? (key === '' ? t('row') : key)}</DialogTitle>
        <DialogDescription className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <span className={cn('flex items-center gap-1 font-medium', colour)}>
            <Icon className="size-4" aria-hidden="true" />
            {t(`ops.${row.op}`)}
          </span>
          <span className="font-mono">{tableLabel(rowsOf.table)}</span>
          <span>{key}</span>
        </DialogDescription>
      </DialogHeader>
      {query.isError ? (
        <QueryError error={query.error} fallback={t('unreadable')} onRetry={() => void query.refetch()} />
      ) : null}
      {query.isPending ? <Skeleton className="h-64" /> : null}
      {whole === undefined ? null : (
        <>
          <ul className="divide-y rounded-lg border text-sm">
            {(query.data?.columns ?? []).map((column) => (
              <ColumnLine
                key={column}
                column={column}
                row={whole}
                marks={
                  <>
                    {keyColumns.includes(column) ? (
                      <Mark icon={<KeyRoundIcon aria-hidden="true" />} words={t('key')} />
                    ) : null}
                    {query.data?.secretColumns.includes(column) ? (
                      <Mark icon={<LockIcon aria-hidden="true" />} words={t('secret')} />
                    ) : null}
                  </>
                }
              />
            ))}
          </ul>
          {whole.isCut ? <p className="text-sm text-muted-foreground">{t('cut')}</p> : null}
        </>
      )}
    </>
  );
}

function Mark({ icon, words }: { readonly icon: ReactNode; readonly words: string }) {
  return (
    <Badge variant="outline">
      {icon}
      {words}
    </Badge>
  );
}

interface ColumnLineProps {
  readonly column: string;
  readonly row: PlanRow;
  readonly marks: ReactNode;
}

function ColumnLine({ column, row: { op, before, after, changed }, marks }: ColumnLineProps) {
  const t = useTranslations('restore.rows');
  const isChanged = changed.includes(column);
  const value = (values: PlanRow['before']) => <Value value={readable(values?.[column] ?? null)} />;
  return (
    <li className={cn('grid gap-x-4 gap-y-1 px-3 py-2 sm:grid-cols-[10rem_1fr]', isChanged && 'bg-accent/40')}>
      <span className="flex flex-wrap items-center gap-1.5">
        <span className="font-mono text-xs break-all text-muted-foreground">{column}</span>
        {marks}
        {isChanged ? <Badge variant="warning">{t('changed')}</Badge> : null}
      </span>
      {op === 'update' && isChanged ? (
        <span className="grid min-w-0 grid-cols-[1fr_auto_1fr] items-start gap-2">
          <Side name={t('now')} className="bg-danger text-danger-foreground">
            {value(before)}
          </Side>
          <ArrowRightIcon className="mt-6 size-4 text-muted-foreground" aria-hidden="true" />
          <Side name={t('after')} className="bg-success text-success-foreground">
            {value(after)}
          </Side>
        </span>
      ) : (
        <span className="min-w-0 break-words whitespace-pre-wrap">{value(after ?? before)}</span>
      )}
    </li>
  );
}

interface SideProps {
  readonly name: string;
  readonly className: string;
  readonly children: ReactNode;
}

function Side({ name, className, children }: SideProps) {
  return (
    <span className="min-w-0">
      <span className="block text-xs text-muted-foreground">{name}</span>
      <span className={cn('block rounded px-1.5 py-0.5 break-words whitespace-pre-wrap', className)}>{children}</span>
    </span>
  );
}

/** JSON on lines of its own, so that two of them can be compared by eye. */
function readable(value: string | null): string | null {
  if (value === null || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}
