'use client';

import { useFormatter } from 'next-intl';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** A length of time in the largest unit that says enough: `45 sec`, `3 min`, `2 h`. */
export function useDuration(): (ms: number) => string {
  const format = useFormatter();
  return (ms) => {
    const [value, unit] =
      ms < SECOND_MS
        ? ([Math.round(ms), 'millisecond'] as const)
        : ms < MINUTE_MS
          ? ([Math.round(ms / SECOND_MS), 'second'] as const)
          : ms < HOUR_MS
            ? ([Math.round(ms / MINUTE_MS), 'minute'] as const)
            : ([Math.round(ms / HOUR_MS), 'hour'] as const);
    return format.number(value, { style: 'unit', unit, unitDisplay: 'short' });
  };
}
