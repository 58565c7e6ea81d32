/** Whether every word of what was typed occurs in one of the texts, whatever the case and the accents. */
export function matches(typed: string, texts: readonly string[]): boolean {
  const text = folded(texts.join(' '));
  return folded(typed)
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function folded(text: string): string {
  return text.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase().trim();
}
