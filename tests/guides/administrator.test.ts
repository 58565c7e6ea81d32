import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { GUIDES } from '../support/guide-screens.ts';
import { labelPattern } from '../support/label-pattern.ts';

const FILES = { en: 'administrator.md', 'pt-BR': 'administrator.pt-BR.md' } as const;
const LANGUAGES = ['en', 'pt-BR'] as const;
type Language = (typeof LANGUAGES)[number];

const textOf = (language: Language): string => readFileSync(path.join(GUIDES, FILES[language]), 'utf8');

const matchesOf = (text: string, pattern: RegExp): readonly string[] =>
  [...text.matchAll(pattern)].map(([, found = '']) => found);

/** What stands under each heading, the first one's among them. */
const sectionsOf = (text: string) => text.split(/^(?=#)/m);

/** A line may break within a label. */
const labelsOf = (text: string) => matchesOf(text, /\*\*([^*]+)\*\*/g).map((label) => label.replaceAll(/\s+/g, ' '));

type Catalogue = ReadonlyMap<string, RegExp>;

/** Every message that says something, by its key. */
function catalogueOf(language: Language): Catalogue {
  const file = path.resolve(import.meta.dirname, `../../apps/web/messages/${language}.json`);
  const messages: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return new Map(patternsOf(messages, []));
}

function patternsOf(node: unknown, keys: readonly string[]): readonly (readonly [string, RegExp])[] {
  if (typeof node === 'string') {
    const pattern = labelPattern(node);
    return pattern === null ? [] : [[keys.join('.'), pattern]];
  }
  return Object.entries(node ?? {}).flatMap(([key, inner]) => patternsOf(inner, [...keys, key]));
}

function keysOf(label: string, catalogue: Catalogue): readonly string[] {
  return [...catalogue].flatMap(([key, pattern]) => (pattern.test(label) ? [key] : []));
}

const CATALOGUES: Readonly<Record<Language, Catalogue>> = { en: catalogueOf('en'), 'pt-BR': catalogueOf('pt-BR') };

describe('the administrator’s guide', () => {
  it.each(LANGUAGES)('what stands in bold is on the screens of %s, word for word', (language) => {
    const labels = labelsOf(textOf(language));
    expect(labels.length).toBeGreaterThan(100);
    expect(labels.filter((label) => keysOf(label, CATALOGUES[language]).length === 0)).toEqual([]);
  });

  it('both languages have the same headings, with the same labels under each', () => {
    const [english = [], portuguese = []] = LANGUAGES.map((language) => sectionsOf(textOf(language)));
    const levels = (sections: readonly string[]) => sections.map((section) => /^#*/.exec(section)?.[0].length);
    expect(levels(portuguese)).toEqual(levels(english));
    for (const [index, section] of english.entries()) {
      const other = portuguese[index] ?? '';
      const said = new Set(labelsOf(other).flatMap((label) => keysOf(label, CATALOGUES['pt-BR'])));
      const unsaid = labelsOf(section).filter((label) => !keysOf(label, CATALOGUES.en).some((key) => said.has(key)));
      expect(unsaid, section.split('\n')[0]).toEqual([]);
      expect(labelsOf(other), other.split('\n')[0]).toHaveLength(labelsOf(section).length);
    }
  });

  it.each(LANGUAGES)('every link of %s leads somewhere', (language) => {
    const text = textOf(language);
    const anchors = matchesOf(text, /^#+ (.+)$/gm).map(
      (heading) =>
        `#${heading
          .toLowerCase()
          .replaceAll(/[^\p{L}\p{N} -]/gu, '')
          .replaceAll(' ', '-')}`,
    );
    for (const link of matchesOf(text, /(?<!!)\[[^\]]*\]\(([^)]+)\)/g)) {
      if (link.startsWith('#')) expect(anchors).toContain(link);
      else expect(existsSync(path.join(GUIDES, link)), link).toBe(true);
    }
  });

  it.each(LANGUAGES)('every error code in %s has its page, and stands beside its own words', (language) => {
    const rows = [...textOf(language).matchAll(/^\| \*\*([^*]+)\*\* \| `([a-z]+\/[a-z-]+)` \|/gm)];
    expect(rows.length).toBeGreaterThan(5);
    for (const [, message = '', code = ''] of rows) {
      expect(existsSync(path.join(GUIDES, `../errors/${code}.md`)), code).toBe(true);
      expect(keysOf(message, CATALOGUES[language])).toContain(`errors.${code}.message`);
    }
  });
});
