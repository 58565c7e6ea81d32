'use client';

import { ActionFailure } from '#lib/action-failure.ts';
import { ErrorState } from './error-state.tsx';

interface QueryErrorProps {
  readonly error: Error;
  /** What to say where the server did not answer at all. */
  readonly fallback: string;
  readonly onRetry: () => void;
}

/** The error of a query of an action, in the place of what it would have given. */
export function QueryError({ error, fallback, onRetry }: QueryErrorProps) {
  const known = error instanceof ActionFailure ? error : null;
  return <ErrorState message={known?.message ?? fallback} hint={known?.hint} code={known?.code} onRetry={onRetry} />;
}
