const DIGITS = 32;

/** The ids that begin with `prefix`, as the first and last of them; null: no id can begin so. An index finds what lies between. */
export function idRange(prefix: string): { readonly first: string; readonly last: string } | null {
  const digits = prefix.replaceAll('-', '').toLowerCase();
  if (!/^[0-9a-f]{1,32}$/.test(digits)) return null;
  const first = toUuid(digits.padEnd(DIGITS, '0'));
  return first.startsWith(prefix.toLowerCase()) ? { first, last: toUuid(digits.padEnd(DIGITS, 'f')) } : null;
}

function toUuid(digits: string): string {
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
