import type { ReactNode } from 'react';
import { browserNow } from '#lib/browser-now.ts';
import { BrowserProvider } from './browser/browser-provider.tsx';
import type { CofreAction } from './browser/remote-action.ts';
import type { CofreLocale, CofreTheme } from './looks.ts';

export interface CofreProviderProps {
  /** The server action that the application wrote. */
  readonly action: CofreAction;
  /** Default: `en`. */
  readonly locale?: CofreLocale;
  /** An IANA name; default: the browser's own. */
  readonly timeZone?: string;
  /**
   * Where Cofre's other pages are (one backup, restore): `https://cofre.example.com/admin/modules`. Default: `/admin/modules` of
   * this application.
   */
  readonly pages?: string;
  /** `system`: as the reader's system is. Default: `light`. */
  readonly theme?: CofreTheme;
  /** Of the page's content security policy, where it has one. */
  readonly nonce?: string;
  readonly children: ReactNode;
}

/** Stands around Cofre's components, in a server component. Brings their words, their styles' scope, and the way to the server. */
export async function CofreProvider(props: CofreProviderProps): Promise<ReactNode> {
  const { action, locale = 'en', timeZone, pages = '/admin/modules', theme = 'light', nonce, children } = props;
  return (
    <BrowserProvider
      action={action}
      locale={locale}
      messages={await messagesOf(locale)}
      now={browserNow()}
      timeZone={timeZone}
      pages={pages}
      theme={theme}
      nonce={nonce}
    >
      {children}
    </BrowserProvider>
  );
}

/** Errors are put into words on the server: their many sentences need not travel. */
async function messagesOf(locale: CofreLocale): Promise<object> {
  switch (locale) {
    case 'en': {
      const { errors: _errors, ...messages } = (await import('../../messages/en.json')).default;
      return messages;
    }
    case 'pt-BR': {
      const { errors: _errors, ...messages } = (await import('../../messages/pt-BR.json')).default;
      return messages;
    }
  }
}
