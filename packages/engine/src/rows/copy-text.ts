/**
 * PostgreSQL's COPY text format: columns separated by tabs, rows ended by newlines, NULL as `\N`, and backslash
 * escapes for what would be mistaken for these. Source: PostgreSQL manual, COPY, "Text Format".
 */
const TAB = 0x09;
const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;
const CAPITAL_N = 0x4e;

/** What COPY TO writes after a backslash; any other byte stands for itself. */
const ESCAPED = new Map<number, number>([
  [0x62, 0x08], // \b
  [0x66, 0x0c], // \f
  [0x6e, NEWLINE],
  [0x72, 0x0d], // \r
  [0x74, TAB],
  [0x76, 0x0b], // \v
]);

const ESCAPES = new Map([...ESCAPED].map(([letter, byte]) => [byte, letter]));

/** The plain bytes of a column, given its escaped bytes (never `\N`). Returns the input itself where nothing is escaped. */
export function unescapeColumn(escaped: Buffer): Buffer {
  if (!escaped.includes(BACKSLASH)) return escaped;
  const plain = Buffer.allocUnsafe(escaped.length);
  let length = 0;
  for (let at = 0; at < escaped.length; at++) {
    let byte = escaped[at] ?? 0;
    if (byte === BACKSLASH && at + 1 < escaped.length) {
      at++;
      const letter = escaped[at] ?? 0;
      byte = ESCAPED.get(letter) ?? letter;
    }
    plain[length++] = byte;
  }
  return plain.subarray(0, length);
}

function isNull(column: Buffer): boolean {
  return column.length === 2 && column[0] === BACKSLASH && column[1] === CAPITAL_N;
}

/** The values of one line (its newline may be missing), as PostgreSQL's text; NULL is null. */
export function splitLine(line: Buffer): (string | null)[] {
  const end = line.at(-1) === NEWLINE ? line.length - 1 : line.length;
  const values: (string | null)[] = [];
  for (let start = 0; start <= end; ) {
    const tab = line.indexOf(TAB, start);
    const stop = tab === -1 || tab > end ? end : tab;
    const column = line.subarray(start, stop);
    values.push(isNull(column) ? null : unescapeColumn(column).toString('utf8'));
    start = stop + 1;
  }
  return values;
}

/** One line with its newline: the inverse of `splitLine`, in the very bytes that COPY TO writes. */
export function joinLine(values: readonly (string | null)[]): Buffer {
  return Buffer.from(`${values.map(escapeValue).join('\t')}\n`, 'utf8');
}

function escapeValue(value: string | null): string {
  if (value === null) return '\\N';
  return value.replace(/[\b\f\n\r\t\v\\]/g, (char) => {
    const byte = char.charCodeAt(0);
    return `\\${String.fromCharCode(ESCAPES.get(byte) ?? byte)}`;
  });
}
