'use client';

import type { BackupDocument } from '@cofre/contracts';
import { useInfiniteQuery } from '@tanstack/react-query';
import { listModuleBackups } from '#app/actions/admin/modules/module-backups.ts';
import { dataOf } from '#lib/action-failure.ts';
import type { BackupOrder, Filters } from './BackupFilters.tsx';

const PAGE_SIZE = 20;

interface Wanted extends Filters {
  readonly order: BackupOrder;
}

/** The backups of an implementation, page by page. */
export function useBackups(implementation: string, { type, status, from, to, order }: Wanted) {
  const filters = {
    sort: order,
    ...(type === undefined ? {} : { type }),
    ...(status === undefined ? {} : { status }),
    ...(from === undefined ? {} : { since: startOfDay(from, 0) }),
    ...(to === undefined ? {} : { until: startOfDay(to, 1) }),
  };
  const query = useInfiniteQuery({
    queryKey: ['backups', implementation, filters],
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam: cursor }) => {
      const which = { implementation, ...filters, limit: PAGE_SIZE, ...(cursor === undefined ? {} : { cursor }) };
      return dataOf(await listModuleBackups(which));
    },
    getNextPageParam: ({ nextCursor }) => nextCursor ?? undefined,
  });
  const items: readonly BackupDocument[] = query.data?.pages.flatMap((page) => page.items) ?? [];
  return { ...query, items };
}

/** Days begin where the reader is. */
function startOfDay(date: string, daysLater: number): string {
  const [year = 0, month = 1, day = 1] = date.split('-').map(Number);
  return new Date(year, month - 1, day + daysLater).toISOString();
}
