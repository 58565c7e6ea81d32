'use client';

import { MonitorIcon, MoonIcon, SunIcon } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useLocale, useTranslations } from 'next-intl';
import { useTransition } from 'react';
import { choosePreference } from '#app/actions/preferences.ts';
import { LOCALES } from '#i18n/locales.ts';
import { LazyMenu } from './lazy-menu.tsx';

/** As in `#server/preferences.ts`, which the browser cannot read. */
type Theme = 'system' | 'light' | 'dark';
const THEME_ICONS = { system: MonitorIcon, light: SunIcon, dark: MoonIcon };

function isTheme(value: string): value is Theme {
  return Object.hasOwn(THEME_ICONS, value);
}

/** Language and colours, for everybody, signed in or not. */
export function PreferencesMenu({ theme }: { readonly theme: Theme }) {
  const t = useTranslations('preferences');
  const locale = useLocale();
  const router = useRouter();
  const [isPending, startTransition] = useTransition();
  const choose = (choice: Parameters<typeof choosePreference>[0]) =>
    startTransition(async () => {
      await choosePreference(choice);
      router.refresh();
    });
  const Icon = THEME_ICONS[theme];
  return (
    <LazyMenu
      variant="ghost"
      size="icon"
      aria-label={t('open')}
      aria-busy={isPending}
      face={<Icon aria-hidden="true" />}
    >
      {({ DropdownMenuLabel, DropdownMenuRadioGroup, DropdownMenuRadioItem, DropdownMenuSeparator }) => (
        <>
          <DropdownMenuLabel>{t('language')}</DropdownMenuLabel>
          <DropdownMenuRadioGroup
            value={locale}
            onValueChange={(value) => {
              const chosen = LOCALES.find((it) => it === value);
              if (chosen !== undefined) choose({ locale: chosen });
            }}
          >
            {LOCALES.map((it) => (
              <DropdownMenuRadioItem key={it} value={it} lang={it}>
                {t(`locales.${it}`)}
              </DropdownMenuRadioItem>
            ))}
          </DropdownMenuRadioGroup>
          <DropdownMenuSeparator />
          <DropdownMenuLabel>{t('theme')}</DropdownMenuLabel>
          <DropdownMenuRadioGroup value={theme} onValueChange={(value) => isTheme(value) && choose({ theme: value })}>
            {(['system', 'light', 'dark'] as const).map((it) => (
              <DropdownMenuRadioItem key={it} value={it}>
                {t(`themes.${it}`)}
              </DropdownMenuRadioItem>
            ))}
          </DropdownMenuRadioGroup>
        </>
      )}
    </LazyMenu>
  );
}
