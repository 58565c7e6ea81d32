/** The time of the browser's clock, for what somebody chooses there; servers are handed a clock. */
export function browserNow(): Date {
  return new Date(performance.timeOrigin + performance.now());
}
