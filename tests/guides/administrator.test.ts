import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { GUIDES, guideWidth } from '../support/guide-screens.ts';
import { labelPattern } from '../support/label-pattern.ts';

const FILES = { en: 'administrator.md', 'pt-BR': 'administrator.pt-BR.md' } as const;
const LANGUAGES = ['en', 'pt-BR'] as const;
type Language = (typeof LANGUAGES)[number];

/** A page that is read on a phone, too. */
const IMAGE_BYTES_MAX = 200_000;
/** In the header of a PNG. */
const PNG_WIDTH_AT = 16;

const textOf = (language: Language): string => readFileSync(path.join(GUIDES, FILES[language]), 'utf8');

const matchesOf = (text: string, pattern: RegExp): readonly string[] =>
  [...text.matchAll(pattern)].map(([, found = '']) => found);

const imagesOf = (text: string) => matchesOf(text, /!\[[^\]]*\]\(([^)]+)\)/g);

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

  it('both languages show the same screens, each in its own words, and none is kept that nobody sees', () => {
    const shown = LANGUAGES.map((language) => {
      const images = imagesOf(textOf(language));
      const screens = images.map((image) => new RegExp(`^images/(.+)\\.${language}\\.png$`).exec(image)?.[1] ?? image);
      expect(screens.filter((screen) => guideWidth(screen) === null)).toEqual([]);
      return screens;
    });
    expect(shown[0]?.length).toBeGreaterThan(0);
    expect(shown[1]).toEqual(shown[0]);
    const named = LANGUAGES.flatMap((language) => imagesOf(textOf(language))).map((image) => path.basename(image));
    expect(readdirSync(path.join(GUIDES, 'images')).toSorted()).toEqual([...new Set(named)].toSorted());
  });

  it.each(LANGUAGES)('the pictures of %s are as wide as their screens, and quick to load', (language) => {
    for (const image of imagesOf(textOf(language))) {
      const file = path.join(GUIDES, image);
      const screen = path.basename(image, `.${language}.png`);
      expect(readFileSync(file).readUInt32BE(PNG_WIDTH_AT), image).toBe(guideWidth(screen));
      expect(statSync(file).size, image).toBeLessThanOrEqual(IMAGE_BYTES_MAX);
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
