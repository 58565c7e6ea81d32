'use client';

import { useNow } from 'next-intl';
import { useSyncExternalStore } from 'react';
import { browserNow } from '#lib/browser-now.ts';

/** So old a time on the page may be. */
const LOOK_MS = 10_000;

/**
 * What time it is, looked at now and then by all who show one together. What the server said is as old as the page that
 * came first, however many were opened since: it counts only until React has taken the page over.
 */
export function useMoment(): Date {
  const given = useNow();
  return useSyncExternalStore(watch, look, () => given);
}

let seen: Date | null = null;
let looking: ReturnType<typeof setInterval> | undefined;
const watchers = new Set<() => void>();

/** The same object until it is too old. */
function look(): Date {
  const now = browserNow();
  if (seen === null || Math.abs(now.getTime() - seen.getTime()) >= LOOK_MS) seen = now;
  return seen;
}

function watch(onLook: () => void): () => void {
  watchers.add(onLook);
  looking ??= setInterval(() => {
    for (const watcher of watchers) watcher();
  }, LOOK_MS);
  return () => {
    watchers.delete(onLook);
    if (watchers.size > 0) return;
    clearInterval(looking);
    looking = undefined;
  };
}
