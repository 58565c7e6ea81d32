import type { Metadata, Viewport } from 'next';
import { headers } from 'next/headers';
import { NextIntlClientProvider } from 'next-intl';
import { getLocale, getMessages, getNow, getTranslations } from 'next-intl/server';
import type { ReactNode } from 'react';
import { NonceProvider } from '#components/nonce.tsx';
import { TimeZoneKeeper } from '#components/time-zone-keeper.tsx';
import { Toasts } from '#components/toasts.tsx';
import { readTheme } from '#server/preferences.ts';
import './globals.css';

export async function generateMetadata(): Promise<Metadata> {
  const t = await getTranslations('common');
  return {
    title: { default: t('product'), template: `%s · ${t('product')}` },
    description: t('description'),
    robots: { index: false, follow: false },
  };
}

export const viewport: Viewport = { width: 'device-width', initialScale: 1, colorScheme: 'light dark' };

export default async function RootLayout({ children }: { readonly children: ReactNode }) {
  const [locale, theme, given, now, { errors: _errors, ...messages }] = await Promise.all([
    getLocale(),
    readTheme(),
    headers(),
    getNow(),
    // Errors are put into words on the server: their many sentences need not travel.
    getMessages(),
  ]);
  return (
    <html lang={locale} className={theme === 'system' ? undefined : theme}>
      <body className="min-h-dvh font-sans antialiased">
        <NextIntlClientProvider messages={messages} now={now}>
          <NonceProvider nonce={given.get('x-nonce') ?? undefined}>
            {children}
            <Toasts theme={theme} />
            <TimeZoneKeeper />
          </NonceProvider>
        </NextIntlClientProvider>
      </body>
    </html>
  );
}
