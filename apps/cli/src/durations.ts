import { CofreError } from '@cofre/contracts';

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };

/** `30d`, `12h`, `2w` in milliseconds; undefined: it is none of these. */
function parseDuration(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,5})([hdw])$/.exec(text) ?? [];
  const unitMs = UNIT_MS[unit ?? ''];
  return count === undefined || unitMs === undefined ? undefined : Number(count) * unitMs;
}

/** `--expires 30d|never` as the moment it means; null: never; undefined: the settings say when. */
export function parseExpiry(text: string | undefined, now: Date): string | null | undefined {
  if (text === undefined) return undefined;
  if (text === 'never') return null;
  const durationMs = parseDuration(text);
  if (durationMs === undefined || durationMs === 0) {
    throw new CofreError('usage/invalid', `--expires takes 12h, 30d, 2w or never, not "${text}". Nothing was started.`);
  }
  return new Date(now.getTime() + durationMs).toISOString();
}

/** `--grace 24h` in milliseconds. */
export function parseGrace(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const durationMs = parseDuration(text);
  if (durationMs !== undefined) return durationMs;
  throw new CofreError('usage/invalid', `--grace takes 0h, 6h, 24h or 2d, not "${text}". Nothing was started.`);
}

/** `--since` as a time, a day, or so long ago. */
export function parseSince(text: string | undefined, now: Date): string | undefined {
  if (text === undefined) return undefined;
  const durationMs = parseDuration(text);
  if (durationMs !== undefined) return new Date(now.getTime() - durationMs).toISOString();
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return new Date(time).toISOString();
  throw new CofreError(
    'usage/invalid',
    `--since takes a time like 2025-01-21 or 7d, not "${text}". Nothing was started.`,
  );
}

/** `--now`: when it is imagined to be. */
export function parseNow(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return new Date(time).toISOString();
  throw new CofreError('usage/invalid', `--now takes a time like 2025-01-21, not "${text}". Nothing was started.`);
}
