import { cookies, headers } from 'next/headers';
import { getRequestConfig } from 'next-intl/server';
import { isLocale, isTimeZone, LOCALE_COOKIE, type Locale, localeOf, TIME_ZONE_COOKIE } from './locales.ts';

const messagesOf = async (locale: Locale) => {
  switch (locale) {
    case 'en':
      return (await import('../../messages/en.json')).default;
    case 'pt-BR':
      return (await import('../../messages/pt-BR.json')).default;
  }
};

/** Language and time zone of a request: what the person chose, else what the browser says, else English and UTC. */
export default getRequestConfig(async () => {
  const jar = await cookies();
  const chosen = jar.get(LOCALE_COOKIE)?.value;
  const locale = isLocale(chosen) ? chosen : localeOf((await headers()).get('accept-language'));
  const zone = jar.get(TIME_ZONE_COOKIE)?.value;
  return { locale, messages: await messagesOf(locale), timeZone: isTimeZone(zone) ? zone : 'UTC' };
});
