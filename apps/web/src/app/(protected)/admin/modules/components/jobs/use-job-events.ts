'use client';

import type { JobDocument } from '@cofre/contracts';
import { useEffect, useEffectEvent, useState } from 'react';

/** Whose jobs are sent: an implementation's, one alone, or those of all. */
export type JobsAsked = { readonly implementation: string } | { readonly job: string } | Record<string, never>;

/**
 * Hands on jobs as the server sends them, which it does at first and whenever one changes. True while the line is open; who
 * finds it closed asks instead. `null` asks for nothing.
 */
export function useJobEvents(asked: JobsAsked | null, onJobs: (jobs: readonly JobDocument[]) => void): boolean {
  const [isLive, setIsLive] = useState(false);
  const sent = useEffectEvent(onJobs);
  const which = asked === null ? null : new URLSearchParams(asked).toString();
  useEffect(() => {
    if (which === null) return;
    const source = new EventSource(`/admin/jobs/events${which === '' ? '' : `?${which}`}`);
    source.addEventListener('open', () => setIsLive(true));
    // The browser tries again by itself; meanwhile we ask.
    source.addEventListener('error', () => setIsLive(false));
    source.addEventListener('jobs', ({ data }: MessageEvent<string>) =>
      sent(JSON.parse(data) as readonly JobDocument[]),
    );
    return () => {
      source.close();
      setIsLive(false);
    };
  }, [which]);
  return isLive;
}
