import { createTranslator } from 'next-intl';
import type { Locale } from '#i18n/locales.ts';
import en from '../../../messages/en.json' with { type: 'json' };
import ptBR from '../../../messages/pt-BR.json' with { type: 'json' };
import { currentHost } from '../host.ts';

/** Of what the server puts into words itself, which is errors; the rest goes to the browser. */
const ERRORS = { en: { errors: en.errors }, 'pt-BR': { errors: ptBR.errors } } satisfies Record<Locale, object>;

/** In the place of `next-intl/server`, which would want a plugin in the host's build. */
export function getTranslations(namespace: 'errors') {
  const { locale } = currentHost();
  return Promise.resolve(createTranslator({ locale, messages: ERRORS[locale], namespace }));
}
