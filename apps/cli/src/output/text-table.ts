/** Columns that line up, two spaces apart, the header in the first line. Those named in `right` are set to the right. */
export function textTable(
  headers: readonly string[],
  rows: readonly (readonly string[])[],
  options: { readonly right?: readonly string[] } = {},
): string {
  const cells = [headers, ...rows].map((row) => row.map(oneLine));
  const widths = headers.map((_, column) => Math.max(...cells.map((row) => displayWidth(row[column] ?? ''))));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => {
        const fill = ' '.repeat((widths[column] ?? 0) - displayWidth(cell));
        return options.right?.includes(headers[column] ?? '') ? fill + cell : cell + fill;
      })
      .join('  ')
      .trimEnd(),
  );
  return lines.join('\n');
}

/** A value may be hundreds of megabytes long, and nobody reads it in a terminal; `--json` has it whole. */
const SHOWN_LENGTH_MAX = 1000;

/** Descriptions and values may hold line breaks and escape sequences, which a terminal must not be given. */
export function oneLine(text: string): string {
  const isCut = text.length > SHOWN_LENGTH_MAX;
  const shown = isCut ? `${text.slice(0, SHOWN_LENGTH_MAX).toWellFormed()}…` : text;
  return shown.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}

const segmenter = new Intl.Segmenter();
const WIDE = /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]/u;

function displayWidth(text: string): number {
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}
