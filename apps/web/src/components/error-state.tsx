'use client';

import { CircleAlertIcon, RotateCwIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { NOT_SIGNED_IN, SignInAgain } from './sign-in-again.tsx';
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
        <div className="mt-2 flex flex-wrap gap-2">
          <Button variant="outline" size="sm" onClick={onRetry}>
            <RotateCwIcon aria-hidden="true" />
            {t('retry')}
          </Button>
          {code === NOT_SIGNED_IN ? <SignInAgain /> : null}
        </div>
      </AlertDescription>
    </Alert>
  );
}
