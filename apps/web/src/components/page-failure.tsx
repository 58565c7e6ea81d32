'use client';

import { useRouter } from 'next/navigation';
import { useTranslations } from 'next-intl';
import { startTransition } from 'react';
import { ErrorState } from './error-state.tsx';

export interface PageFailureProps {
  /** What happened stays on the server; the digest finds it in the log. */
  readonly error: Error & { readonly digest?: string };
  readonly reset: () => void;
}

/** In the place of a page that could not be made. */
export function PageFailure({ error, reset }: PageFailureProps) {
  const t = useTranslations('errorPage');
  const router = useRouter();
  const again = () =>
    startTransition(() => {
      // The server is asked again: by itself `reset` draws what it sent, which is the error.
      router.refresh();
      reset();
    });
  return (
    <div className="flex flex-col gap-4">
      {/* The page could not say what it is called either. */}
      <title>{t('title')}</title>
      <h1 className="text-xl font-semibold">{t('title')}</h1>
      <ErrorState message={t('hint')} code={error.digest} onRetry={again} />
    </div>
  );
}
