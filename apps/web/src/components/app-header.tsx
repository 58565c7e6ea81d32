import { LogOutIcon, VaultIcon } from 'lucide-react';
import Link from 'next/link';
import { getTranslations } from 'next-intl/server';
import { signOut } from '#app/actions/session.ts';
import { MainNavigation } from './main-navigation.tsx';
import { PreferencesMenu } from './preferences-menu.tsx';
import { Badge } from './ui/badge.tsx';
import { Button } from './ui/button.tsx';

interface AppHeaderProps {
  readonly name: string;
  readonly isAdministrator: boolean;
  readonly theme: 'system' | 'light' | 'dark';
}

export async function AppHeader({ name, isAdministrator, theme }: AppHeaderProps) {
  const t = await getTranslations('header');
  return (
    <header className="sticky top-0 z-40 border-b bg-background">
      <a
        href="#content"
        className="sr-only focus:not-sr-only focus:absolute focus:top-2 focus:left-2 focus:z-50 focus:rounded-md focus:bg-background focus:px-3 focus:py-2"
      >
        {t('skip')}
      </a>
      <div className="mx-auto flex h-14 w-full max-w-7xl items-center gap-2 px-4 sm:gap-4 sm:px-6">
        <Link href="/admin/modules" className="flex items-center gap-2 font-semibold">
          <VaultIcon className="size-5 text-primary" aria-hidden="true" />
          <span className="max-[400px]:sr-only">{t('product')}</span>
        </Link>
        <MainNavigation />
        <div className="ml-auto flex min-w-0 items-center gap-1 sm:gap-2">
          <span className="hidden min-w-0 truncate text-sm text-muted-foreground md:inline">{name}</span>
          {isAdministrator ? null : <Badge variant="outline">{t('viewer')}</Badge>}
          <PreferencesMenu theme={theme} />
          <form action={signOut}>
            <Button type="submit" variant="ghost" size="icon" aria-label={t('signOut')} title={t('signOut')}>
              <LogOutIcon aria-hidden="true" />
            </Button>
          </form>
        </div>
      </div>
    </header>
  );
}
