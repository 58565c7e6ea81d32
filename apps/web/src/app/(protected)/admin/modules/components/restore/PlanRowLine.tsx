'use client';

import { CornerDownLeftIcon, Trash2Icon, Undo2Icon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { memo } from 'react';
import { cn } from '#lib/cn.ts';
import { type PlanRow, rowName, tellingColumns } from './plan-rows.ts';

export const OPERATION_LOOKS = {
  insert: { Icon: CornerDownLeftIcon, colour: 'text-success-foreground' },
  update: { Icon: Undo2Icon, colour: 'text-warning-foreground' },
  delete: { Icon: Trash2Icon, colour: 'text-danger-foreground' },
} as const;

/** Values that a line has room for; the row opened shows all. */
const SHOWN = 2;

interface PlanRowLineProps {
  readonly index: number;
  readonly row: PlanRow | undefined;
  readonly keyColumns: readonly string[];
  readonly heightPx: number;
  /** Tab comes to this one, and to no other. */
  readonly isStop: boolean;
  readonly onOpen: (row: PlanRow) => void;
  /** The list's own: one for each row would be made anew with each that comes into sight. */
  readonly t: Words;
}

type Words = ReturnType<typeof useTranslations<'restore.rows'>>;

/** One row of a preview: what it is called, and beside each other what it is now and what it would be. */
export const PlanRowLine = memo(function PlanRowLine(props: PlanRowLineProps) {
  const { index, row, keyColumns, heightPx, isStop, onOpen, t } = props;
  const style = { height: heightPx, transform: `translateY(${index * heightPx}px)` };
  if (row === undefined) {
    return (
      <div
        role="row"
        aria-rowindex={index + 2}
        aria-label={t('loading')}
        className="absolute inset-x-0 top-0 border-b px-3 py-3 contain-strict"
        style={style}
      >
        <span role="cell" className="block h-4 w-40 rounded bg-muted" />
      </div>
    );
  }
  const { key, name } = rowName(row, keyColumns);
  const { Icon, colour } = OPERATION_LOOKS[row.op];
  const columns = tellingColumns(row, keyColumns);
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      className="absolute inset-x-0 top-0 grid grid-cols-2 content-start gap-x-3 gap-y-1 overflow-hidden border-b px-3 py-2 contain-strict hover:bg-muted/50 md:grid-cols-[minmax(0,16rem)_1fr_1fr] md:gap-4"
      style={style}
    >
      <div role="cell" className="col-span-2 min-w-0 md:col-span-1">
        <button
          type="button"
          tabIndex={isStop ? 0 : -1}
          className="block min-h-9 w-full min-w-0 cursor-pointer rounded-sm text-left hover:underline"
          onClick={() => onOpen(row)}
        >
          <span className="block truncate font-medium">{name ?? key}</span>
          <span className="flex items-center gap-1.5 truncate text-xs text-muted-foreground">
            <span className={cn('flex items-center gap-1 font-medium', colour)}>
              <Icon className="size-3.5" aria-hidden="true" />
              {t(`ops.${row.op}`)}
            </span>
            {name === null ? null : <span className="truncate">{key}</span>}
          </span>
        </button>
      </div>
      <Side t={t} values={row.before} columns={columns} isMarked={row.op === 'update'} tone="old" />
      <Side t={t} values={row.after} columns={columns} isMarked={row.op === 'update'} tone="new" />
    </div>
  );
});

interface SideProps {
  readonly t: Words;
  readonly values: PlanRow['before'];
  readonly columns: readonly string[];
  readonly isMarked: boolean;
  readonly tone: 'old' | 'new';
}

function Side({ t, values, columns, isMarked, tone }: SideProps) {
  const left = columns.length - SHOWN;
  return (
    <div role="cell" className="min-w-0">
      <span className="block text-xs text-muted-foreground md:sr-only">{t(tone === 'old' ? 'now' : 'after')}</span>
      {values === null ? (
        <span className="text-muted-foreground italic">{t('absent')}</span>
      ) : (
        columns.slice(0, SHOWN).map((column, index) => (
          <span key={column} className="flex min-w-0 items-baseline gap-1.5 leading-6">
            <span className="max-w-[45%] shrink-0 truncate text-xs text-muted-foreground">{column}</span>
            <span
              className={cn(
                'min-w-0 truncate rounded px-1',
                isMarked &&
                  (tone === 'old'
                    ? 'bg-danger text-danger-foreground'
                    : 'bg-success font-medium text-success-foreground'),
              )}
            >
              {valueWords(values[column] ?? null, t)}
            </span>
            {index === SHOWN - 1 && left > 0 && tone === 'new' ? (
              <span className="shrink-0 text-xs text-muted-foreground">{t('more', { count: left })}</span>
            ) : null}
          </span>
        ))
      )}
    </div>
  );
}

/** A value as PostgreSQL writes it; that there is none, and that it is empty, are said in words. */
export function Value({ value }: { readonly value: string | null }) {
  return valueWords(value, useTranslations('restore.rows'));
}

function valueWords(value: string | null, t: Words) {
  if (value === null) return <i>{t('null')}</i>;
  return value === '' ? <i>{t('empty')}</i> : value;
}
