'use client';

import { useTranslations } from 'next-intl';
import { useActionState } from 'react';
import { changePassword } from '#app/actions/session.ts';
import { FormError } from '#components/form-error.tsx';
import { Button } from '#components/ui/button.tsx';
import { Input } from '#components/ui/input.tsx';
import { Label } from '#components/ui/label.tsx';

interface NewPasswordFormProps {
  readonly email: string;
  /** Letters that it takes. */
  readonly lengthMin: number;
}

export function NewPasswordForm({ email, lengthMin }: NewPasswordFormProps) {
  const t = useTranslations('newPassword');
  const [state, submit, isPending] = useActionState(changePassword, null);
  return (
    <form action={submit} className="flex flex-col gap-4">
      <FormError result={state} />
      {/* So that password managers know whose it is. */}
      <input type="hidden" name="username" autoComplete="username" value={email} />
      <div className="flex flex-col gap-2">
        <Label htmlFor="current">{t('current')}</Label>
        <Input id="current" name="current" type="password" autoComplete="current-password" required />
      </div>
      <div className="flex flex-col gap-2">
        <Label htmlFor="next">{t('next')}</Label>
        <Input
          id="next"
          name="next"
          type="password"
          autoComplete="new-password"
          required
          minLength={lengthMin}
          aria-describedby="next-rule"
        />
        <p id="next-rule" className="text-sm text-muted-foreground">
          {t('rule', { length: lengthMin })}
        </p>
      </div>
      <div className="flex flex-col gap-2">
        <Label htmlFor="again">{t('again')}</Label>
        <Input id="again" name="again" type="password" autoComplete="new-password" required />
      </div>
      <Button type="submit" disabled={isPending} aria-busy={isPending}>
        {isPending ? t('busy') : t('submit')}
      </Button>
    </form>
  );
}
