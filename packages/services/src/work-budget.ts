/**
 * How much a run may still take on. An edge function has two seconds of CPU and little memory: it stops taking work in
 * time, and leaves to a worker what does not fit at all.
 */
export interface WorkBudget {
  /** Asked before each piece of work. False: what is left waits for the next call. */
  mayStart(): boolean;
  /** A slice of more bytes, by what its newest backup read or else by the planner's estimate, needs a worker; null: none does. */
  readonly sliceBytesMax: number | null;
  /** Slices that are worked on at the same time. */
  readonly concurrency: number;
  /** Small slices that are backed up in one snapshot; default 1. */
  readonly together?: number;
}

export const NO_BUDGET: WorkBudget = { mayStart: () => true, sliceBytesMax: null, concurrency: 1, together: 100 };
