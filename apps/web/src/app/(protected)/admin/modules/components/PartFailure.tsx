'use client';

import { useRouter } from 'next/navigation';
import { ErrorState } from '#components/error-state.tsx';

interface PartFailureProps {
  readonly error: { readonly code: string; readonly message: string; readonly hint: string };
}

/** In the place of a part that the server could not make; asks it again. */
export function PartFailure({ error: { code, message, hint } }: PartFailureProps) {
  const router = useRouter();
  return <ErrorState message={message} hint={hint} code={code} onRetry={() => router.refresh()} />;
}
