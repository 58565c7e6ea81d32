/** The time of the browser's clock, for what somebody chooses or looks at there; servers are handed a clock. */
export function browserNow(): Date {
  // Not by `performance.now`, which in some browsers stands still while a laptop sleeps.
  return new Date();
}
