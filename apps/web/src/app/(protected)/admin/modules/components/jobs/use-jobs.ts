'use client';

import type { JobDocument } from '@cofre/contracts';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useEffectEvent, useRef } from 'react';
import { listModuleJobs } from '#app/actions/admin/modules/jobs.ts';
import { dataOf } from '#lib/action-failure.ts';
import { useJobEvents } from './use-job-events.ts';

const NO_JOBS: readonly JobDocument[] = [];
const JOBS_KEPT_MAX = 50;

/** How often to look where nothing is sent: soon while something runs. */
const POLL_MS = { open: 2_000, idle: 20_000 };

export function isOpen({ state }: Pick<JobDocument, 'state'>): boolean {
  return state === 'waiting' || state === 'running' || state === 'deferred';
}

interface JobsOptions {
  /** A job that was open has ended, while somebody looks. Called once for each. */
  readonly onEnded?: (job: JobDocument) => void;
}

/**
 * Jobs of an implementation (undefined: of all), the newest first, as everybody who looks sees them. They are sent as they
 * change; where no line can be kept open they are asked for. `follow` is told of what was just asked for: it may have ended
 * before anybody was sent that it began.
 */
export function useJobs(implementation: string | undefined, { onEnded }: JobsOptions = {}) {
  const client = useQueryClient();
  const show = (sent: readonly JobDocument[]) =>
    client.setQueryData<readonly JobDocument[]>(keyOf(implementation), (kept) => merged(kept ?? NO_JOBS, sent));
  const isLive = useJobEvents(implementation === undefined ? {} : { implementation }, show);
  const query = useQuery({
    queryKey: keyOf(implementation),
    queryFn: async () => dataOf(await listModuleJobs(implementation === undefined ? {} : { implementation })),
    refetchInterval: ({ state }) => {
      if (isLive) return false;
      return (state.data ?? NO_JOBS).some(isOpen) ? POLL_MS.open : POLL_MS.idle;
    },
  });
  const jobs = query.data ?? NO_JOBS;
  useEndings(jobs, onEnded);
  const follow = (...started: readonly JobDocument[]) => {
    show(started);
    void query.refetch();
  };
  return { jobs, follow };
}

const keyOf = (implementation: string | undefined) => ['jobs', implementation ?? null];

function merged(kept: readonly JobDocument[], sent: readonly JobDocument[]): readonly JobDocument[] {
  const byId = new Map([...kept, ...sent].map((job) => [job.id, job]));
  return [...byId.values()].sort((one, other) => (one.createdAt < other.createdAt ? 1 : -1)).slice(0, JOBS_KEPT_MAX);
}

function useEndings(jobs: readonly JobDocument[], onEnded: ((job: JobDocument) => void) | undefined): void {
  const open = useRef(new Set<string>());
  const told = useEffectEvent((job: JobDocument) => onEnded?.(job));
  useEffect(() => {
    for (const job of jobs) {
      if (isOpen(job)) open.current.add(job.id);
      else if (open.current.delete(job.id)) told(job);
    }
  }, [jobs]);
}
