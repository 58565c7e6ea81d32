import type { Clock } from '@cofre/engine';

/** A clock that can be put anywhere and goes on from there: what is done by it takes as long as it really takes. */
export class TravellingClock implements Clock {
  readonly #real: Clock;
  #aheadMs = 0;

  constructor(real: Clock) {
    this.#real = real;
  }

  now(): Date {
    return new Date(this.#real.now().getTime() + this.#aheadMs);
  }

  /** It never goes back: times in the catalogue rise as they were written. */
  goTo(time: Date): void {
    this.#aheadMs += Math.max(0, time.getTime() - this.now().getTime());
  }

  /** Where a journey begins. */
  startAt(time: Date): void {
    this.#aheadMs = time.getTime() - this.#real.now().getTime();
  }
}
