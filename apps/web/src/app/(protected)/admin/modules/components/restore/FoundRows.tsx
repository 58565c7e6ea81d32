'use client';

import { useInfiniteQuery } from '@tanstack/react-query';
import { LoaderCircleIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { useCallback, useEffect, useMemo } from 'react';
import { readModulePlanRows } from '#app/actions/admin/modules/module-restores.ts';
import { QueryError } from '#components/query-error.tsx';
import { Button } from '#components/ui/button.tsx';
import { dataOf } from '#lib/action-failure.ts';
import { type PlanRow, rowsInput, type RowsOf } from './plan-rows.ts';
import { tableLabel } from './table-label.ts';
import { VirtualRows } from './VirtualRows.tsx';

/** It is searched on by itself until so many are found, or so much was looked through. */
const FOUND_MIN = 20;
const SEARCHED_PAGES_MAX = 15;

interface FoundRowsProps extends RowsOf {
  readonly text: string;
  readonly onOpen: (row: PlanRow) => void;
}

/** Rows that hold a text. The server looks through some thousands at a time and says how far it is. */
export function FoundRows({ text, onOpen, ...rowsOf }: FoundRowsProps) {
  const t = useTranslations('restore.rows');
  const { planId, table, kind, total } = rowsOf;
  const query = useInfiniteQuery({
    queryKey: ['plan-rows-found', planId, table, kind, text],
    initialPageParam: 0,
    queryFn: async ({ pageParam: from }) => dataOf(await readModulePlanRows({ ...rowsInput(rowsOf), text, from })),
    getNextPageParam: ({ next }) => next ?? undefined,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const pages = query.data?.pages;
  const rows = useMemo(() => (pages ?? []).flatMap((page) => page.rows), [pages]);
  const { hasNextPage, isFetching, fetchNextPage } = query;
  const onSight = useCallback(
    (_first: number, last: number) => {
      if (last >= rows.length - 1 && hasNextPage && !isFetching) void fetchNextPage();
    },
    [rows.length, hasNextPage, isFetching, fetchNextPage],
  );
  const pageCount = pages?.length ?? 0;
  const isTooFew = rows.length < FOUND_MIN && pageCount < SEARCHED_PAGES_MAX;
  useEffect(() => {
    if (isTooFew && hasNextPage && !isFetching) void fetchNextPage();
  }, [isTooFew, hasNextPage, isFetching, fetchNextPage]);
  if (query.isError)
    return <QueryError error={query.error} fallback={t('unreadable')} onRetry={() => void query.refetch()} />;
  const last = pages?.at(-1);
  return (
    <div className="flex flex-col gap-3">
      <p className="flex min-h-9 flex-wrap items-center gap-2 text-sm text-muted-foreground" role="status">
        {isFetching ? (
          <>
            <LoaderCircleIcon className="size-4 animate-spin motion-reduce:animate-none" aria-hidden="true" />
            {t('searching')}
          </>
        ) : (
          t('found', {
            found: rows.length,
            done: String(last === undefined || last.next === null),
            searched: last?.next ?? total,
            total,
          })
        )}
        {hasNextPage && !isFetching ? (
          <Button size="sm" variant="outline" onClick={() => void fetchNextPage()}>
            {t('searchOn')}
          </Button>
        ) : null}
      </p>
      {rows.length === 0 ? null : (
        <VirtualRows
          label={t('of', { table: tableLabel(table) })}
          count={rows.length}
          keyColumns={last?.keyColumns ?? []}
          rowAt={(index) => rows[index]}
          onOpen={onOpen}
          onSight={onSight}
        />
      )}
    </div>
  );
}
