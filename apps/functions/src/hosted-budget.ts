import { CofreError, type ProgressEvent } from '@cofre/contracts';
import type { Clock } from '@cofre/engine';
import type { WorkBudget } from '@cofre/services';

/** What the platform allows one call: https://supabase.com/docs/guides/functions/limits. Beyond it ends the function. */
const CPU_MS = 2000;
/** Who waits for the answer (pg_net, the gateway) waits for 150 s; what was begun by then must also end. */
const WALL_STOP_MS = 90_000;
/** Work that hangs is stopped by then, so that it ends in order and not with the function. */
export const WALL_END_MS = 135_000;

/**
 * A runtime does not tell a function how much it used, so that it is reckoned from what was done. Measured under Deno 2.1.14 as
 * the time of the thread that runs JavaScript, which is what the platform counts (docs/guides/edge-functions.md).
 */
const CPU_COST_MS = {
  /** Loading the function (200), connecting, opening the repository, answering. */
  call: 320,
  /** Stretching a passphrase, on purpose: 1.4 s of another thread, which counts where the platform counts all. A key costs nothing. */
  passphrase: 350,
  /** Reading, hashing, compressing, sealing, proving and sending rows: 35 to 70, the most where all have changed. */
  megabyte: 60,
} as const;
/** Machines differ, and so does what rows cost. */
const CPU_STOP_MS = 0.9 * CPU_MS;

/** A slice of this size can be begun after half of what a call may do, and still ends in time. Memory would allow more. */
export const SLICE_BYTES_MAX = 10_000_000;
/** Sizes are estimates. A slice that turns out to be so much larger is given up before the platform ends the function. */
const OVERRUN = 1.5;

/** What `mayStart` is asked for: apart from its bytes a piece of work costs about the same each time. */
export interface PieceOfWork {
  readonly cpuMs: number;
  /** The most bytes of rows that it may read. */
  readonly bytesMax: number;
}

/** Locks, fingerprints, catalogue, manifest, requests to the bucket: 75, until the runtime has warmed up 115. */
export const BACKUP: PieceOfWork = { cpuMs: 110, bytesMax: SLICE_BYTES_MAX };
/** A backup that is removed (10), or sixteen manifests that are read to learn what is garbage (30). None of their rows is read. */
export const REMOVAL: PieceOfWork = { cpuMs: 30, bytesMax: 0 };

export interface HostedBudgetOptions {
  readonly clock: Clock;
  readonly startedAt: Date;
  readonly hasPassphrase: boolean;
  readonly piece: PieceOfWork;
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
    const { clock, startedAt, piece } = this.#options;
    if (clock.now().getTime() - startedAt.getTime() > WALL_STOP_MS) return false;
    const next = piece.cpuMs + costOf(piece.bytesMax);
    if (this.cpuMs + next > CPU_STOP_MS) return false;
    this.#pieces += 1;
    return true;
  }

  /** What the call has used so far, by reckoning. */
  get cpuMs(): number {
    const { hasPassphrase, piece } = this.#options;
    const passphrase = hasPassphrase ? CPU_COST_MS.passphrase : 0;
    const bytes = costOf(this.#settledBytes + this.#bytes);
    return CPU_COST_MS.call + passphrase + this.#pieces * piece.cpuMs + bytes;
  }

  /**
   * Backups tell how many bytes they have read; the count of each begins anew. Throws `backup/needs-worker` into one that
   * is much larger than was estimated: it would end the function, again at every call, with all that waits behind it.
   */
  readonly observe = ({ phase, bytes }: ProgressEvent): void => {
    if (bytes < this.#bytes) this.#settledBytes += this.#bytes;
    this.#bytes = bytes;
    if (phase !== 'read' || bytes <= SLICE_BYTES_MAX * OVERRUN) return;
    throw new CofreError(
      'backup/needs-worker',
      `The slice has more than the ${SLICE_BYTES_MAX} bytes that an edge function can read. Nothing of it was kept.`,
      { params: { bytes, bytesMax: SLICE_BYTES_MAX } },
    );
  };
}

function costOf(bytes: number): number {
  return (bytes / 1_000_000) * CPU_COST_MS.megabyte;
}
