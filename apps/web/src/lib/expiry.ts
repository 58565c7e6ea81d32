const DAY_MS = 86_400_000;

/** A week is time enough to hold what one wants to keep. */
const SOON_MS = 7 * DAY_MS;

export function expiryState(expiresAt: string, now: Date): 'expired' | 'soon' | 'later' {
  const leftMs = Date.parse(expiresAt) - now.getTime();
  if (leftMs <= 0) return 'expired';
  return leftMs <= SOON_MS ? 'soon' : 'later';
}
