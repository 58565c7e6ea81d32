import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { Clock, Random } from '@cofre/engine';

/** The machine's own clock and randomness. Composition roots pass them in; nothing else reads the time or draws numbers. */

export const systemClock: Clock = { now: () => new Date() };

export const systemRandom: Random = {
  bytes: (length) => randomBytes(length),
  uuid: () => randomUUID(),
};

export type Sleep = (durationMs: number) => Promise<void>;

export const systemSleep: Sleep = (durationMs) => setTimeout(durationMs);

/** A number drawn from [0, 1). */
export function fraction(random: Pick<Random, 'bytes'>): number {
  return Buffer.from(random.bytes(4)).readUInt32BE() / 2 ** 32;
}
