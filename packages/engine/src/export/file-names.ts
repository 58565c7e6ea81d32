import type { ManifestTable } from '../format/manifest.ts';

/** A table's name is at most twice 63 characters; some systems allow 255 bytes for a file's name. */
const NAME_CHARS_MAX = 130;

/** Names that Windows keeps for devices, whatever follows their dot. */
const RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/** The name with nothing in it that a file system, a shell or an archive could take for something else. */
export function safeFileName(text: string): string {
  const safe = text
    .replaceAll(/[^\w.-]+/g, '_')
    .replace(/^[.-]+/, '_')
    .slice(0, NAME_CHARS_MAX);
  return RESERVED.test(safe) || safe === '' ? `_${safe}` : safe;
}

/** `public.item.csv`; names that would be one on a file system that ignores case are numbered. */
export function tableFileNames(tables: readonly ManifestTable[], ending: string): string[] {
  const used = new Set<string>();
  return tables.map(({ schema, name }) => {
    const base = safeFileName(`${schema}.${name}`);
    let chosen = base;
    for (let number = 2; used.has(chosen.toLowerCase()); number++) chosen = `${base}-${number}`;
    used.add(chosen.toLowerCase());
    return `${chosen}.${ending}`;
  });
}
