import type messages from '../../messages/en.json';
import type { Locale } from './locales.ts';

/** Keys of messages are checked by the compiler; English says which there are. */
declare module 'next-intl' {
  interface AppConfig {
    Locale: Locale;
    Messages: typeof messages;
  }
}
