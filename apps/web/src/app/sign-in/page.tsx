import type { Metadata } from 'next';
import { redirect } from 'next/navigation';
import { getTranslations } from 'next-intl/server';
import { signOut } from '#app/actions/session.ts';
import { Door } from '#components/door.tsx';
import { PreferencesMenu } from '#components/preferences-menu.tsx';
import { Alert, AlertDescription } from '#components/ui/alert.tsx';
import { Button } from '#components/ui/button.tsx';
import { readTheme } from '#server/preferences.ts';
import { newPasswordPath, wayBack } from '#lib/way-back.ts';
import { getViewer, mayEnter } from '#server/viewer.ts';
import { SignInForm } from './sign-in-form.tsx';

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations('signIn'))('title') };
}

interface SignInPageProps {
  readonly searchParams: Promise<Readonly<Record<string, string | string[] | undefined>>>;
}

/** All that outsiders see. Who is signed in and may see nothing is told so, and nothing else. */
export default async function SignInPage({ searchParams }: SignInPageProps) {
  const [viewer, t, theme, { to }] = await Promise.all([
    getViewer(),
    getTranslations('signIn'),
    readTheme(),
    searchParams,
  ]);
  if (mayEnter(viewer)) redirect(wayBack(to));
  if (viewer.mustChangePassword) redirect(newPasswordPath(to));
  return (
    <Door title={t('title')} description={t('description')} corner={<PreferencesMenu theme={theme} />}>
      {viewer.role === 'customer' ? (
        <form action={signOut} className="flex flex-col gap-4">
          <Alert variant="warning">
            <AlertDescription>{t('noAccess', { name: viewer.actor.name })}</AlertDescription>
          </Alert>
          <Button type="submit" variant="outline">
            {t('signOut')}
          </Button>
        </form>
      ) : (
        <SignInForm to={wayBack(to)} />
      )}
    </Door>
  );
}
