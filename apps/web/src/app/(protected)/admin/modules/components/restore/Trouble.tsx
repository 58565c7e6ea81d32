'use client';

import { CircleAlertIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import type { ReactNode } from 'react';
import { NOT_SIGNED_IN, SignInAgain } from '#components/sign-in-again.tsx';
import { Alert, AlertDescription, AlertTitle } from '#components/ui/alert.tsx';

interface TroubleProps {
  readonly title: string;
  readonly message?: string | undefined;
  readonly hint?: string | undefined;
  readonly code?: string | undefined;
  /** Nothing broke; something is only in the way. */
  readonly isMild?: boolean;
  /** The way on. */
  readonly children?: ReactNode;
}

/** What could not be done, why, that nothing was changed, and what to do next. */
export function Trouble({ title, message, hint, code, isMild = false, children }: TroubleProps) {
  const t = useTranslations('common');
  return (
    <Alert variant={isMild ? 'warning' : 'danger'}>
      <CircleAlertIcon aria-hidden="true" />
      <AlertTitle>{title}</AlertTitle>
      <AlertDescription>
        {message === undefined ? null : <p>{message}</p>}
        {hint === undefined ? null : <p>{hint}</p>}
        {code === undefined ? null : <p className="font-mono text-xs">{t('code', { code })}</p>}
        <div className="mt-2 flex flex-wrap gap-2">
          {children}
          {code === NOT_SIGNED_IN ? <SignInAgain /> : null}
        </div>
      </AlertDescription>
    </Alert>
  );
}
