'use client';

import type { JobDocument } from '@cofre/contracts';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { showModuleJob } from '#app/actions/admin/modules/jobs.ts';
import { ActionFailure, dataOf } from '#lib/action-failure.ts';
import { useJobEvents } from '../jobs/use-job-events.ts';

/** How often to ask: soon where nothing is sent, and now and then beside what is: lines can be dead and look open. */
const ASK_MS = { silent: 800, live: 5_000 };

export interface WatchedJob {
  readonly job: JobDocument | null;
  /** The server refused to tell: the person was signed out, or the job is not known. */
  readonly refusal: ActionFailure | null;
  /** Nobody answers; it is asked again by itself. */
  readonly isUnreachable: boolean;
}

export function isOver({ state }: JobDocument): boolean {
  return state === 'completed' || state === 'failed' || state === 'canceled';
}

/** A job as it goes on, until it is over. */
export function useJob(id: string | null): WatchedJob {
  const client = useQueryClient();
  const queryKey = ['job', id];
  const known = client.getQueryData<JobDocument>(queryKey);
  const isWatched = id !== null && (known === undefined || !isOver(known));
  const isLive = useJobEvents(isWatched ? { job: id } : null, (sent) => {
    const job = sent.find((it) => it.id === id);
    if (job !== undefined) client.setQueryData<JobDocument>(queryKey, job);
  });
  const query = useQuery({
    queryKey,
    enabled: id !== null,
    queryFn: async () => dataOf(await showModuleJob({ job: id ?? '' })),
    refetchInterval: ({ state: { data, error } }) => {
      if ((data !== undefined && isOver(data)) || error instanceof ActionFailure) return false;
      return isLive ? ASK_MS.live : ASK_MS.silent;
    },
    refetchIntervalInBackground: true,
    staleTime: ({ state: { data } }) => (data !== undefined && isOver(data) ? Number.POSITIVE_INFINITY : 0),
  });
  const refusal = query.error instanceof ActionFailure ? query.error : null;
  return { job: query.data ?? null, refusal, isUnreachable: query.isError && refusal === null };
}
