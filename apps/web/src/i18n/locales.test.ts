import { describe, expect, it } from 'vitest';
import { isTimeZone, localeOf } from './locales.ts';

describe('the language', () => {
  it.each([
    ['pt-BR,pt;q=0.9,en;q=0.8', 'pt-BR'],
    ['pt-PT', 'pt-BR'],
    ['en-GB,pt;q=0.5', 'en'],
    ['en;q=0.2, pt;q=0.7', 'pt-BR'],
    ['pt;q=0, en', 'en'],
    ['de-DE,fr', 'en'],
    ['*', 'en'],
    ['', 'en'],
    [null, 'en'],
    [';;;q=,', 'en'],
  ])('%s gives %s', (header, locale) => {
    expect(localeOf(header)).toBe(locale);
  });
});

describe('the time zone', () => {
  it('is one that the clock knows, whatever a cookie says', () => {
    expect(isTimeZone('America/Sao_Paulo')).toBe(true);
    for (const value of [undefined, '', 'Mars/Olympus', '<script>', 'x'.repeat(200)])
      expect(isTimeZone(value)).toBe(false);
  });
});
