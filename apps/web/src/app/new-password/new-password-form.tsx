'use client';

import { useTranslations } from 'next-intl';
import { changePassword } from '#app/actions/session.ts';
import { DoorField, DoorForm } from '#components/door-form.tsx';

interface NewPasswordFormProps {
  /** Where it leads. */
  readonly to: string;
  readonly email: string;
  /** Letters that it takes. */
  readonly lengthMin: number;
}

export function NewPasswordForm({ to, email, lengthMin }: NewPasswordFormProps) {
  const t = useTranslations('newPassword');
  return (
    <DoorForm action={changePassword} words={{ submit: t('submit'), busy: t('busy') }}>
      <input type="hidden" name="to" value={to} />
      {/* So that password managers know whose it is. */}
      <input type="hidden" name="username" autoComplete="username" value={email} />
      <DoorField name="current" label={t('current')} type="password" autoComplete="current-password" />
      <DoorField
        name="next"
        label={t('next')}
        rule={t('rule', { length: lengthMin })}
        type="password"
        autoComplete="new-password"
        minLength={lengthMin}
      />
      <DoorField name="again" label={t('again')} type="password" autoComplete="new-password" />
    </DoorForm>
  );
}
