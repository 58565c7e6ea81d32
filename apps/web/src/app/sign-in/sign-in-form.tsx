'use client';

import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { signIn } from '#app/actions/session.ts';
import { DoorField, DoorForm } from '#components/door-form.tsx';

const EMAIL_LENGTH_MAX = 320;

/** `to`: where signing in leads. */
export function SignInForm({ to }: { readonly to: string }) {
  const t = useTranslations('signIn');
  // A form is emptied after its action; the address need not be typed again.
  const [email, setEmail] = useState('');
  return (
    <DoorForm action={signIn} words={{ submit: t('submit'), busy: t('busy') }}>
      <input type="hidden" name="to" value={to} />
      <DoorField
        name="email"
        label={t('email')}
        type="email"
        autoComplete="username"
        maxLength={EMAIL_LENGTH_MAX}
        value={email}
        onChange={(event) => setEmail(event.target.value)}
      />
      <DoorField name="password" label={t('password')} type="password" autoComplete="current-password" />
    </DoorForm>
  );
}
