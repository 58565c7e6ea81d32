'use client';

import type { RecentChangesDocument } from '@cofre/contracts';
import { useQuery } from '@tanstack/react-query';
import { useRef } from 'react';
import { showModuleRecentChanges } from '#app/actions/admin/modules/module-restores.ts';
import { dataOf } from '#lib/action-failure.ts';

/** As far back as is asked: a look that is older has nothing more to tell. */
const FORGET_AFTER_MS = 5 * 60 * 1000;

/** Soon, so that there is something to compare with before anybody decides; then now and then, as it costs a count. */
const LOOK_MS = { first: 5_000, later: 20_000 };

/** Looks again and again, while somebody looks at the page, whether rows of an implementation are being changed. */
export function useRecentChanges(implementation: string) {
  const looks = useRef<readonly RecentChangesDocument[]>([]);
  return useQuery({
    queryKey: ['recent-changes', implementation],
    queryFn: async () => {
      const [oldest] = looks.current;
      const known = oldest === undefined ? {} : { look: oldest.look };
      const changes = dataOf(await showModuleRecentChanges({ implementation, ...known }));
      const since = Date.parse(changes.lookedAt) - FORGET_AFTER_MS;
      looks.current = [...looks.current, changes].filter(({ lookedAt }) => Date.parse(lookedAt) >= since);
      return changes;
    },
    refetchInterval: () => (looks.current.length < 2 ? LOOK_MS.first : LOOK_MS.later),
    gcTime: 0,
  });
}
