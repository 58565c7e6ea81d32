/**
 * A pack lies in the trash at least so long before it is deleted. Meanwhile every backup that may have begun to build on
 * it is either committed, so that the next mark sees it, or refused. The reasoning is in docs/adr/0005.
 */
export const GARBAGE_GRACE_MS = 24 * 60 * 60 * 1000;

/**
 * A backup that takes longer is not committed. Half of the grace: the other half is for a put that takes effect late, a
 * listing that is behind, and a store whose clock is put back while the backup runs.
 */
export const WRITE_TIME_MAX_MS = GARBAGE_GRACE_MS / 2;

/** A store's clock that was put back further than this while a backup ran tells nothing about how long that took. */
export const CLOCK_STEP_MAX_MS = GARBAGE_GRACE_MS / 4;

/** A plan is not applied after its hour; one whose apply began before may still be read for so long. */
export const PLAN_MARGIN_MS = 24 * 60 * 60 * 1000;

/**
 * A plan that the catalogue knows nothing of may be one of another catalogue, or of a time that this one was rolled back
 * from: who made it may want to undo what it did for as long as this.
 */
export const UNKNOWN_PLAN_MS = 30 * 24 * 60 * 60 * 1000;
