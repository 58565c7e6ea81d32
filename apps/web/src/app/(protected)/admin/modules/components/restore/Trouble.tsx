'use client';

import { CircleAlertIcon } from 'lucide-react';
import Link from 'next/link';
import { usePathname, useSearchParams } from 'next/navigation';
import { useTranslations } from 'next-intl';
import type { ReactNode } from 'react';
import { Alert, AlertDescription, AlertTitle } from '#components/ui/alert.tsx';
import { Button } from '#components/ui/button.tsx';
import { signInPath } from '#lib/way-back.ts';

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
          {code === 'access/not-signed-in' ? <SignInAgain /> : null}
        </div>
      </AlertDescription>
    </Alert>
  );
}

/** Leads back to the same step. */
function SignInAgain() {
  const t = useTranslations('common');
  const pathname = usePathname();
  const search = useSearchParams().toString();
  return (
    <Button asChild size="sm" variant="outline">
      <Link href={signInPath(search === '' ? pathname : `${pathname}?${search}`)}>{t('signIn')}</Link>
    </Button>
  );
}
