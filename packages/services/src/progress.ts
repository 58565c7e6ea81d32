import type { ProgressEvent } from '@cofre/contracts';
import type { Clock } from '@cofre/engine';

export interface Progress {
  report(event: Omit<ProgressEvent, 'elapsedMs'>): void;
}

/** Adds the time since it was made to what it is told, and passes it on. */
export function progressOf(context: {
  readonly clock: Clock;
  readonly onProgress?: ((event: ProgressEvent) => void) | undefined;
}): Progress {
  const { clock, onProgress } = context;
  const startedAt = clock.now().getTime();
  return {
    report(event) {
      onProgress?.({ ...event, elapsedMs: Math.max(0, clock.now().getTime() - startedAt) });
    },
  };
}
