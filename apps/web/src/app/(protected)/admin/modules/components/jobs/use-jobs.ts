'use client';

import type { JobDocument } from '@cofre/contracts';
import { useEffect, useEffectEvent, useRef, useState } from 'react';
import { listModuleJobs } from '#app/actions/admin/modules/jobs.ts';
import { useJobEvents } from './use-job-events.ts';

const NO_JOBS: readonly JobDocument[] = [];
const JOBS_KEPT_MAX = 50;

/** How often to look where nothing is sent: soon while something runs. */
const POLL_MS = { open: 2_000, idle: 20_000 };
/** How long the line may take to open, which then sends what there is. */
const LINE_MS = 1_000;

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
  const [known, setKnown] = useState({ of: implementation, jobs: NO_JOBS });
  const jobs = known.of === implementation ? known.jobs : NO_JOBS;
  const show = (sent: readonly JobDocument[]) =>
    setKnown(({ of, jobs: kept }) => ({
      of: implementation,
      jobs: merged(of === implementation ? kept : NO_JOBS, sent),
    }));
  const isLive = useJobEvents(implementation === undefined ? {} : { implementation }, show);
  const ask = async () => {
    // Who does not answer is asked again.
    const answer = await listModuleJobs(implementation === undefined ? {} : { implementation }).catch(() => null);
    if (answer?.success === true) show(answer.data);
  };
  usePolling(isLive ? null : jobs.some(isOpen) ? POLL_MS.open : POLL_MS.idle, ask);
  useEndings(jobs, onEnded);
  const follow = (...started: readonly JobDocument[]) => {
    show(started);
    void ask();
  };
  return { jobs, follow };
}

/** Asks when the line has had its time to open, and then every so often; not while nobody looks. null: not at all. */
function usePolling(everyMs: number | null, ask: () => Promise<void>): void {
  const again = useEffectEvent(() => {
    if (!document.hidden) void ask();
  });
  useEffect(() => {
    if (everyMs === null) return;
    const first = setTimeout(again, Math.min(LINE_MS, everyMs));
    const timer = setInterval(again, everyMs);
    const onSight = () => again();
    document.addEventListener('visibilitychange', onSight);
    return () => {
      clearTimeout(first);
      clearInterval(timer);
      document.removeEventListener('visibilitychange', onSight);
    };
  }, [everyMs]);
}

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
