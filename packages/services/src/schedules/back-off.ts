import type { Random } from '@cofre/engine';

/** The first pause after a failure; each failure in a row doubles it. */
const RETRY_FIRST_MS = 60_000;

/** A pause is never longer, jitter included: an outage that ends is noticed within the hour. */
export const RETRY_MAX_MS = 3_600_000;

/** Somebody is backing it up or restoring it: that seldom lasts, and it is no failure. */
const BUSY_PAUSE_MS = 30_000;

/** So many failures in a row are told to administrators; from then on it is tried at the regular times alone. */
export const FAILURES_UNTIL_NOTICE = 5;

/** How long to wait after so many failures in a row: doubled each time, and spread, so that not all come back at once. */
export function retryPauseMs(failures: number, random: Random): number {
  const doubled = RETRY_FIRST_MS * 2 ** Math.min(failures - 1, 30);
  return Math.round(Math.min(doubled, RETRY_MAX_MS) * spread(random));
}

export function busyPauseMs(random: Random): number {
  return Math.round(BUSY_PAUSE_MS * spread(random));
}

/** Between three quarters and the whole. */
function spread(random: Random): number {
  const [byte = 0] = random.bytes(1);
  return 0.75 + (0.25 * byte) / 255;
}
