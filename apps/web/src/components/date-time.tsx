'use client';

import { useFormatter, useNow, useTimeZone } from 'next-intl';

const REFRESH_MS = 30_000;

/** How long ago, with the exact time and its zone on hover and for readers of the page's source. */
export function RelativeTime({ at }: { readonly at: string }) {
  const format = useFormatter();
  const now = useNow({ updateInterval: REFRESH_MS });
  return <TimeElement at={at} words={format.relativeTime(new Date(at), momentOrNow(at, now))} />;
}

/** Our clock is looked at now and then: what happened since is not in the future. */
function momentOrNow(at: string, now: Date): Date {
  const aheadMs = Date.parse(at) - now.getTime();
  return aheadMs > 0 && aheadMs <= 2 * REFRESH_MS ? new Date(at) : now;
}

/** Puts a moment into words: date, time, and the zone's name. */
export function useExactTime(): (at: string) => string {
  const format = useFormatter();
  const timeZone = useTimeZone() ?? 'UTC';
  return (at) =>
    format.dateTime(new Date(at), {
      year: 'numeric',
      month: 'short',
      day: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      timeZone,
      timeZoneName: 'short',
    });
}

function TimeElement({ at, words }: { readonly at: string; readonly words: string }) {
  const exact = useExactTime();
  return (
    <time dateTime={at} title={exact(at)}>
      {words}
    </time>
  );
}
