'use client';

import { useFormatter, useTimeZone } from 'next-intl';
import { useMoment } from './use-moment.ts';

/** How long ago, with the exact time and its zone on hover and for readers of the page's source. */
export function RelativeTime({ at }: { readonly at: string }) {
  const format = useFormatter();
  const now = useMoment();
  return <TimeElement at={at} words={format.relativeTime(new Date(at), momentOrNow(at, now))} />;
}

/** Clocks differ by a little, and ours is looked at now and then: what has just happened is not in the future. */
function momentOrNow(at: string, now: Date): Date {
  const aheadMs = Date.parse(at) - now.getTime();
  return aheadMs > 0 && aheadMs <= AHEAD_MS_MAX ? new Date(at) : now;
}

const AHEAD_MS_MAX = 60_000;

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
