import type { ExternalToast } from 'sonner';

export interface Toast {
  readonly kind: 'success' | 'info' | 'error';
  readonly message: string;
  readonly options: Pick<ExternalToast, 'description' | 'duration' | 'action'>;
}

type Show = (toast: Toast) => void;

/** Raised while nothing was there to show them. */
let waiting: readonly Toast[] = [];
let show: Show | null = null;
let wake: (() => void) | null = null;

const raise =
  (kind: Toast['kind']) =>
  (message: string, options: Toast['options'] = {}): void => {
    const toast = { kind, message, options };
    if (show !== null) return show(toast);
    waiting = [...waiting, toast];
    wake?.();
  };

/** A word on what was done or went wrong, for a moment. What shows it is fetched by `Toasts`. */
export const toast = { success: raise('success'), info: raise('info'), error: raise('error') } as const;

/** Gives what is raised, and what was raised before, to `taker`, until the function that it answers is called. */
export function takeToasts(taker: Show): () => void {
  show = taker;
  const early = waiting;
  waiting = [];
  for (const it of early) taker(it);
  return () => {
    if (show === taker) show = null;
  };
}

/** Calls when something was raised that nothing is there to show. */
export function onToast(call: () => void): () => void {
  wake = call;
  if (waiting.length > 0) call();
  return () => {
    if (wake === call) wake = null;
  };
}
