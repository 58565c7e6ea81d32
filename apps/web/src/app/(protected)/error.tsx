'use client';

import { useTranslations } from 'next-intl';
import { ErrorState } from '#components/error-state.tsx';

interface ErrorPageProps {
  /** What happened stays on the server; the digest finds it in the log. */
  readonly error: Error & { readonly digest?: string };
  readonly reset: () => void;
}

export default function ErrorPage({ error, reset }: ErrorPageProps) {
  const t = useTranslations('errorPage');
  return <ErrorState message={t('title')} hint={t('hint')} code={error.digest} onRetry={reset} />;
}
