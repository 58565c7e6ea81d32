'use client';

import { useTranslations } from 'next-intl';
import { useActionState, useState } from 'react';
import { signIn } from '#app/actions/session.ts';
import { FormError } from '#components/form-error.tsx';
import { Button } from '#components/ui/button.tsx';
import { Input } from '#components/ui/input.tsx';
import { Label } from '#components/ui/label.tsx';

export function SignInForm() {
  const t = useTranslations('signIn');
  const [state, submit, isPending] = useActionState(signIn, null);
  // A form is emptied after its action; the address need not be typed again.
  const [email, setEmail] = useState('');
  return (
    <form action={submit} className="flex flex-col gap-4">
      <FormError result={state} />
      <div className="flex flex-col gap-2">
        <Label htmlFor="email">{t('email')}</Label>
        <Input
          id="email"
          name="email"
          type="email"
          autoComplete="username"
          required
          maxLength={320}
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
      </div>
      <div className="flex flex-col gap-2">
        <Label htmlFor="password">{t('password')}</Label>
        <Input id="password" name="password" type="password" autoComplete="current-password" required />
      </div>
      <Button type="submit" disabled={isPending} aria-busy={isPending}>
        {isPending ? t('busy') : t('submit')}
      </Button>
    </form>
  );
}
