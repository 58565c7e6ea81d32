import type { ProgressEvent } from '@cofre/contracts';
import type { Clock } from '@cofre/engine';
import type { WorkBudget } from '@cofre/services';

/** What the platform allows one call: https://supabase.com/docs/guides/functions/limits. Beyond it ends the function. */
const CPU_MS = 2000;
/** Who waits for the answer (pg_net, the gateway) waits for 150 s; what was begun by then must also end. */
const WALL_STOP_MS = 90_000;
/** Work that hangs is stopped by then, so that it ends in order and not with the function. */
export const WALL_END_MS = 135_000;

/**
 * Measured under Deno 2.1.14 (tests/functions/limits.test.ts), all threads of the process, on a core that was busy
 * besides: a runtime does not tell a function how much it used, so that it is reckoned from what was done.
 */
const CPU_COST_MS = {
  /** Loading the function, answering, opening repository and catalogue. */
  call: 500,
  /** A passphrase is stretched on purpose. A key costs nothing. */
  passphrase: 350,
  /** Locks, fingerprints, catalogue, manifest, requests to the bucket. */
  piece: 60,
  /** Reading, hashing, compressing, sealing, proving and sending rows that were never stored. */
  megabyte: 22,
} as const;
/** Machines differ, and so does what rows cost. */
const RESERVE = 0.2;

/** The largest slice that one call can be sure to end, after all that a call may have done before. */
export const SLICE_BYTES_MAX = 24_000_000;

export interface HostedBudgetOptions {
  readonly clock: Clock;
  readonly startedAt: Date;
  readonly hasPassphrase: boolean;
  /** The most bytes of rows that one piece of work may read. */
  readonly pieceBytesMax: number;
}

/** Stops taking work before the platform would end the function, and leaves to a worker what fits into no call at all. */
export class HostedBudget implements WorkBudget {
  readonly sliceBytesMax = SLICE_BYTES_MAX;
  /** One after another: there is one thread and little memory. */
  readonly concurrency = 1;
  readonly #options: HostedBudgetOptions;
  #pieces = 0;
  #settledBytes = 0;
  #bytes = 0;

  constructor(options: HostedBudgetOptions) {
    this.#options = options;
  }

  mayStart(): boolean {
    const { clock, startedAt, pieceBytesMax } = this.#options;
    if (clock.now().getTime() - startedAt.getTime() > WALL_STOP_MS) return false;
    const next = CPU_COST_MS.piece + costOf(pieceBytesMax);
    if (this.cpuMs + next > CPU_MS * (1 - RESERVE)) return false;
    this.#pieces += 1;
    return true;
  }

  /** What the call has used so far, by reckoning. */
  get cpuMs(): number {
    const passphrase = this.#options.hasPassphrase ? CPU_COST_MS.passphrase : 0;
    const bytes = costOf(this.#settledBytes + this.#bytes);
    return CPU_COST_MS.call + passphrase + this.#pieces * CPU_COST_MS.piece + bytes;
  }

  /** Backups tell how many bytes they have read; the count of each begins anew. */
  readonly observe = ({ bytes }: ProgressEvent): void => {
    if (bytes < this.#bytes) this.#settledBytes += this.#bytes;
    this.#bytes = bytes;
  };
}

function costOf(bytes: number): number {
  return (bytes / 1_000_000) * CPU_COST_MS.megabyte;
}
