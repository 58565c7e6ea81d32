import { it } from 'vitest';
import { dealtTo } from './long-tests.ts';
import { LANGUAGES } from './browser.ts';
import { type Language, type Words, wordsOf } from './words.ts';

/** Some go through many pages, and the machine may have other work. */
const FLOW_MS = 180_000;

let turn = 0;

/** A test of something that people do: the languages take turns, and with `--long` each is tried in both. */
export function flow(guarantee: string, test: (t: Words, language: Language) => Promise<void>): void {
  const languages = dealtTo(turn % LANGUAGES.length, LANGUAGES.length, LANGUAGES);
  turn += 1;
  it.each(languages)(`${guarantee} (%s)`, (language) => test(wordsOf(language), language), FLOW_MS);
}
