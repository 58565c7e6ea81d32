'use client';

import type { JobDocument } from '@cofre/contracts';
import { useQuery } from '@tanstack/react-query';
import { showModuleJob } from '#app/actions/admin/modules/jobs.ts';
import { ActionFailure, dataOf } from '#lib/action-failure.ts';

const POLL_MS = 800;

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
  const query = useQuery({
    queryKey: ['job', id],
    enabled: id !== null,
    queryFn: async () => dataOf(await showModuleJob({ job: id ?? '' })),
    refetchInterval: ({ state: { data, error } }) =>
      (data !== undefined && isOver(data)) || error instanceof ActionFailure ? false : POLL_MS,
    refetchIntervalInBackground: true,
    staleTime: ({ state: { data } }) => (data !== undefined && isOver(data) ? Number.POSITIVE_INFINITY : 0),
  });
  const refusal = query.error instanceof ActionFailure ? query.error : null;
  return { job: query.data ?? null, refusal, isUnreachable: query.isError && refusal === null };
}
