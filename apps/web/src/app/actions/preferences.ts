'use server';

import { cookies } from 'next/headers';
import { z } from 'zod';
import { isTimeZone, LOCALE_COOKIE, LOCALES, TIME_ZONE_COOKIE } from '#i18n/locales.ts';
import { THEME_COOKIE, THEMES } from '#server/preferences.ts';
import { isFromOurPages, isHttps } from '#server/request-facts.ts';

const YEAR_SECONDS = 365 * 24 * 60 * 60;

const choice = z.union([
  z.strictObject({ locale: z.enum(LOCALES) }),
  z.strictObject({ theme: z.enum(THEMES) }),
  z.strictObject({ timeZone: z.string().refine(isTimeZone) }),
]);

/** Keeps how somebody wants to see the application, in their browser. Open to everybody; what is no choice is left alone. */
export async function choosePreference(input: z.input<typeof choice>): Promise<void> {
  const parsed = choice.safeParse(input);
  if (!parsed.success || !(await isFromOurPages())) return;
  const chosen = parsed.data;
  const [name, value] =
    'locale' in chosen
      ? [LOCALE_COOKIE, chosen.locale]
      : 'theme' in chosen
        ? [THEME_COOKIE, chosen.theme]
        : [TIME_ZONE_COOKIE, chosen.timeZone];
  const jar = await cookies();
  jar.set(name, value, { path: '/', maxAge: YEAR_SECONDS, sameSite: 'lax', httpOnly: true, secure: await isHttps() });
}
