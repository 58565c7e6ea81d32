'use client';

import Link from 'next/link';
import { usePathname, useSearchParams } from 'next/navigation';
import { useTranslations } from 'next-intl';
import { signInPath } from '#lib/way-back.ts';
import { Button } from './ui/button.tsx';

/** What every error of this code needs: the session ended, and nothing on the page works before there is another. */
export const NOT_SIGNED_IN = 'access/not-signed-in';

/** Leads to the sign-in page, and from there back to where one is: to the same step of a restore, too. */
export function SignInAgain() {
  const t = useTranslations('common');
  const pathname = usePathname();
  const search = useSearchParams().toString();
  return (
    <Button asChild size="sm" variant="outline">
      <Link href={signInPath(search === '' ? pathname : `${pathname}?${search}`)}>{t('signIn')}</Link>
    </Button>
  );
}
