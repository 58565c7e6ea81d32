'use client';

import { CircleAlertIcon, RotateCwIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { Alert, AlertDescription, AlertTitle } from './ui/alert.tsx';
import { Button } from './ui/button.tsx';

interface ErrorStateProps {
  readonly message: string;
  readonly hint?: string | undefined;
  readonly code?: string | undefined;
  readonly onRetry: () => void;
}

/** In the place of what could not be shown: what happened, what to do, and a way on. */
export function ErrorState({ message, hint, code, onRetry }: ErrorStateProps) {
  const t = useTranslations('common');
  return (
    <Alert variant="danger">
      <CircleAlertIcon aria-hidden="true" />
      <AlertTitle>{message}</AlertTitle>
      <AlertDescription>
        {hint === undefined ? null : <p>{hint}</p>}
        {code === undefined ? null : <p className="font-mono text-xs">{t('code', { code })}</p>}
        <Button variant="outline" size="sm" className="mt-2" onClick={onRetry}>
          <RotateCwIcon aria-hidden="true" />
          {t('retry')}
        </Button>
      </AlertDescription>
    </Alert>
  );
}
