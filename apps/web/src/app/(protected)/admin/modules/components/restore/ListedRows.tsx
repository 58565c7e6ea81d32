'use client';

import type { PlanRowsDocument } from '@cofre/contracts';
import { useQueries } from '@tanstack/react-query';
import { useTranslations } from 'next-intl';
import { useCallback, useDeferredValue, useMemo, useState } from 'react';
import { readModulePlanRows } from '#app/actions/admin/modules/module-restores.ts';
import { ErrorState } from '#components/error-state.tsx';
import { ActionFailure, dataOf } from '#lib/action-failure.ts';
import { type PlanRow, rowsInput, type RowsOf } from './plan-rows.ts';
import { tableLabel } from './table-label.ts';
import { VirtualRows } from './VirtualRows.tsx';

/** Rows that are read at once. */
const BLOCK = 100;
/** Browsers draw boxes up to some 30 million pixels; what comes after is found by filter or search. */
const LISTED_MAX = 200_000;
const KEPT_MS = 5 * 60 * 1000;
const NO_COLUMNS: readonly string[] = [];

interface ListedRowsProps extends RowsOf {
  readonly onOpen: (row: PlanRow) => void;
}

/** All rows of a kind. Only the blocks in sight are read, wherever one scrolls to. */
export function ListedRows({ onOpen, ...rowsOf }: ListedRowsProps) {
  const t = useTranslations('restore.rows');
  const { planId, table, kind, total } = rowsOf;
  const count = Math.min(total, LISTED_MAX);
  const [sight, setSight] = useState({ first: 0, last: 0 });
  const onSight = useCallback((first: number, last: number) => {
    const next = { first: Math.floor(first / BLOCK), last: Math.floor(last / BLOCK) };
    setSight((was) => (was.first === next.first && was.last === next.last ? was : next));
  }, []);
  const wanted = Array.from({ length: sight.last - sight.first + 1 }, (_, index) => sight.first + index);
  const queries = useQueries({
    queries: wanted.map((block) => ({
      queryKey: ['plan-rows', planId, table, kind, block],
      queryFn: async (): Promise<PlanRowsDocument> =>
        dataOf(await readModulePlanRows({ ...rowsInput(rowsOf), from: block * BLOCK, limit: BLOCK })),
      staleTime: Number.POSITIVE_INFINITY,
      gcTime: KEPT_MS,
    })),
  });
  const rows = useMemo(() => {
    const known = new Map<number, PlanRow>();
    for (const { data } of queries) for (const row of data?.rows ?? []) known.set(row.position, row);
    return known;
  }, [queries]);
  // Rows that arrive are drawn when there is time for it: who scrolls on goes first.
  const drawn = useDeferredValue(rows);
  const rowAt = useCallback((index: number) => drawn.get(index), [drawn]);
  const failed = queries.find(({ isError }) => isError);
  if (failed !== undefined) {
    const known = failed.error instanceof ActionFailure ? failed.error : null;
    return (
      <ErrorState
        message={known?.message ?? t('unreadable')}
        hint={known?.hint}
        code={known?.code}
        onRetry={() => void Promise.all(queries.map((query) => query.refetch()))}
      />
    );
  }
  return (
    <>
      <VirtualRows
        label={t('of', { table: tableLabel(table) })}
        count={count}
        keyColumns={queries.find(({ data }) => data !== undefined)?.data?.keyColumns ?? NO_COLUMNS}
        rowAt={rowAt}
        onOpen={onOpen}
        onSight={onSight}
      />
      {count < total ? <p className="text-sm text-muted-foreground">{t('tooMany', { shown: count })}</p> : null}
    </>
  );
}
