import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type AbstractIntlMessages, createTranslator } from 'use-intl/core';
import type { PageOptions } from './browser.ts';

export type Language = NonNullable<PageOptions['language']>;

export type Words = (key: string, values?: Readonly<Record<string, string | number>>) => string;

/** What the web admin says in a language, by the key of its catalogue: tests look for what people read. */
export function wordsOf(language: Language): Words {
  const file = path.resolve(import.meta.dirname, `../../apps/web/messages/${language}.json`);
  const messages = JSON.parse(readFileSync(file, 'utf8')) as AbstractIntlMessages; // compared by the test of the catalogues
  const translate = createTranslator({
    locale: language,
    messages,
    timeZone: 'UTC',
    onError: (error) => {
      throw error;
    },
  });
  // Which keys there are is known only to the catalogue.
  return translate as Words;
}
