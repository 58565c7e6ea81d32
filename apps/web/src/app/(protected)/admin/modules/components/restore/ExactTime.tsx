'use client';

import { useExactTime } from '#components/date-time.tsx';

/** Date, time and zone: for what is kept or sent, where "a moment ago" would soon be wrong. */
export function ExactTime({ at }: { readonly at: string }) {
  return <time dateTime={at}>{useExactTime()(at)}</time>;
}
