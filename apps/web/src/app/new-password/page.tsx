import { PASSWORD_LENGTH_MIN } from '@cofre/contracts';
import type { Metadata } from 'next';
import { redirect } from 'next/navigation';
import { getTranslations } from 'next-intl/server';
import { Door } from '#components/door.tsx';
import { PreferencesMenu } from '#components/preferences-menu.tsx';
import { signInPath, wayBack } from '#lib/way-back.ts';
import { readTheme } from '#server/preferences.ts';
import { getViewer } from '#server/viewer.ts';
import { NewPasswordForm } from './new-password-form.tsx';

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations('newPassword'))('title') };
}

interface NewPasswordPageProps {
  readonly searchParams: Promise<Readonly<Record<string, string | string[] | undefined>>>;
}

/** Where a one-time password leads: nothing else opens before it is changed. */
export default async function NewPasswordPage({ searchParams }: NewPasswordPageProps) {
  const [viewer, t, theme, { to }] = await Promise.all([
    getViewer(),
    getTranslations('newPassword'),
    readTheme(),
    searchParams,
  ]);
  if (!viewer.mustChangePassword) redirect(signInPath(to));
  return (
    <Door title={t('title')} description={t('description')} corner={<PreferencesMenu theme={theme} />}>
      <NewPasswordForm to={wayBack(to)} email={viewer.actor.name} lengthMin={PASSWORD_LENGTH_MIN} />
    </Door>
  );
}
