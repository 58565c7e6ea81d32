import { isCofreError } from '@cofre/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RangeEntry } from '../format/manifest.ts';
import { batchesOfLines, linesOf, batchOfBlock } from '../rows/batches.ts';
import { joinLine } from '../rows/copy-text.ts';
import { decodeKeys } from '../rows/key-block.ts';
import { compareKeys, keyOfLine } from '../rows/keys.ts';
import type { RowLayout } from '../rows/layout.ts';
import { type CutRange, cutRanges, RANGE_BYTES, RANGE_ROWS } from './cut-ranges.ts';

const layout: RowLayout = { columns: ['id', 'v'], key: [{ name: 'id', order: 'integer' }] };
const keyless: RowLayout = { columns: ['a'], key: [] };
const lineOf = (id: number, value = `v${id}`): Buffer => joinLine([`${id}`, value]);

async function cut(
  lines: Iterable<Buffer>,
  options: { layout?: RowLayout; inherited?: RangeEntry[] } = {},
): Promise<CutRange[]> {
  const inherited = options.inherited
    ? (async function* () {
        yield* options.inherited ?? [];
      })()
    : null;
  const ranges: CutRange[] = [];
  for await (const range of cutRanges({
    table: 't',
    layout: options.layout ?? layout,
    batches: batchesOfLines(lines),
    inherited,
  }))
    ranges.push(range);
  return ranges;
}

const entry = (low: string | null): RangeEntry => ({ low, rows: 1, bytes: 1, base: null, deltas: [] });
const sequence = function* (from: number, to: number, step = 1): Generator<Buffer> {
  for (let id = from; id < to; id += step) yield lineOf(id);
};

describe('cutting ranges', () => {
  it('keeps every line in order, cuts when full, and lists each key', async () => {
    const lines = [...sequence(0, 3 * RANGE_ROWS + 5)];
    const ranges = await cut(lines);
    expect(ranges.map((range) => range.rows)).toEqual([RANGE_ROWS, RANGE_ROWS, RANGE_ROWS, 5]);
    expect(ranges.map((range) => range.low)).toEqual([null, `${RANGE_ROWS}`, `${2 * RANGE_ROWS}`, `${3 * RANGE_ROWS}`]);
    expect(Buffer.concat(ranges.map((range) => range.bytes)).equals(Buffer.concat(lines))).toBe(true);
    expect(Buffer.concat(ranges.map((range) => decodeKeys(layout, range.keys ?? Buffer.alloc(0)))).toString()).toBe(
      lines.map((_, id) => `${id}\n`).join(''),
    );
  });

  it('an empty slice has no range', async () => {
    expect(await cut([])).toEqual([]);
    expect(await cut([], { inherited: [entry(null), entry('5')] })).toEqual([]);
  });

  it('a row larger than a range is a range of its own', async () => {
    const huge = lineOf(2, 'x'.repeat(3 * RANGE_BYTES));
    const ranges = await cut([lineOf(1), huge, lineOf(3)]);
    expect(ranges.map((range) => range.rows)).toEqual([2, 1]);
    expect(ranges[0]?.bytes.length).toBe(lineOf(1).length + huge.length);
  });

  it('rows of any size, with any inherited bounds: every line is in the one range where its key belongs', async () => {
    const texts: RowLayout = { columns: ['id', 'v'], key: [{ name: 'id', order: 'bytes' }] };
    const size = fc.constantFrom(1, 1, 0.6 * RANGE_BYTES, 1.2 * RANGE_BYTES, 4.5 * RANGE_BYTES);
    const chosen = fc.record({
      sizes: fc.array(size, { maxLength: 9 }),
      bounds: fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 3 }),
      layout: fc.constantFrom(layout, texts),
    });
    await fc.assert(
      fc.asyncProperty(chosen, async ({ sizes, bounds, layout }) => {
        const lines = sizes.map((bytes, id) => lineOf(id, 'x'.repeat(bytes)));
        const inherited = [entry(null), ...bounds.toSorted((a, b) => a - b).map((bound) => entry(`${bound}`))];
        const ranges = await cut(lines, { layout, inherited });
        expect(Buffer.concat(ranges.map((range) => range.bytes)).equals(Buffer.concat(lines))).toBe(true);
        ranges.forEach((range, at) => {
          const keys = decodeKeys(layout, range.keys ?? Buffer.alloc(0))
            .toString()
            .trimEnd()
            .split('\n')
            .map(Number);
          expect(keys).toHaveLength(range.rows);
          expect(Number(range.low ?? 0)).toBeLessThanOrEqual(keys[0] ?? -1);
          expect(keys.at(-1)).toBeLessThan(Number(ranges[at + 1]?.low ?? Infinity));
        });
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['repeated', [1, 2, 2]],
    ['falling', [1, 3, 2]],
  ])('a %s key is refused', async (_, ids) => {
    const error = await cut(ids.map((id) => lineOf(id))).catch((thrown: unknown) => thrown);
    expect(isCofreError(error, 'backup/duplicate-key')).toBe(true);
  });

  it('a repeated key is refused across batches and ranges too', async () => {
    const lines = [...sequence(0, RANGE_ROWS), lineOf(RANGE_ROWS - 1)];
    await expect(cut(lines)).rejects.toMatchObject({ code: 'backup/duplicate-key' });
  });

  it('inherited bounds are kept when the rows at them are gone, and emptied ranges are dropped', async () => {
    const inherited = [entry(null), entry('100'), entry('200'), entry('300')];
    const ranges = await cut([lineOf(5), lineOf(150), lineOf(310)], { inherited });
    expect(ranges.map((range) => range.low)).toEqual([null, '100', '300']);
    expect(ranges.map((range) => range.inherited?.low)).toEqual([null, '100', '300']);
  });

  it('when the first inherited range is emptied the next begins unbounded', async () => {
    const ranges = await cut([lineOf(150)], { inherited: [entry(null), entry('100')] });
    expect(ranges.map((range) => range.low)).toEqual([null]);
  });

  it('a range that doubled is split where it was full once; others keep their bounds', async () => {
    const inherited = [entry(null), entry('10')];
    const ranges = await cut(sequence(0, 10 + 2 * RANGE_ROWS + 7), { inherited });
    expect(ranges.map((range) => [range.low, range.rows])).toEqual([
      [null, 10],
      ['10', RANGE_ROWS],
      [`${10 + RANGE_ROWS}`, RANGE_ROWS + 7],
    ]);
    expect(ranges.map((range) => range.inherited?.low)).toEqual([null, '10', undefined]);
  });

  it('what was appended does not make unbounded ranges', async () => {
    const ranges = await cut(sequence(0, 10 * RANGE_ROWS), { inherited: [entry(null)] });
    expect(Math.max(...ranges.map((range) => range.rows))).toBeLessThan(2 * RANGE_ROWS);
    expect(ranges.reduce((rows, range) => rows + range.rows, 0)).toBe(10 * RANGE_ROWS);
  });

  it('any rows and any inherited bounds: nothing lost, every row between its bounds', async () => {
    const ids = fc
      .uniqueArray(fc.integer({ min: -50, max: 50 }), { maxLength: 60 })
      .map((list) => list.toSorted((a, b) => a - b));
    await fc.assert(
      fc.asyncProperty(ids, ids, async (rows, bounds) => {
        const ranges = await cut(
          rows.map((id) => lineOf(id)),
          { inherited: [entry(null), ...bounds.map((bound) => entry(`${bound}`))] },
        );
        expect(
          ranges.flatMap((range) =>
            [...linesOf(batchOfBlock(range.bytes))].map((line) => Number(keyOfLine(line, layout))),
          ),
        ).toEqual(rows);
        for (const [at, range] of ranges.entries()) {
          const low = range.low === null ? null : Buffer.from(range.low);
          const keys = [...linesOf(batchOfBlock(range.bytes))]
            .map((line) => `${keyOfLine(line, layout).toString()}\n`)
            .join('');
          expect(decodeKeys(layout, range.keys ?? Buffer.alloc(0)).toString()).toBe(keys);
          const next = ranges[at + 1]?.low ?? null;
          for (const line of linesOf(batchOfBlock(range.bytes))) {
            if (low) expect(compareKeys(layout, line, low)).toBeGreaterThanOrEqual(0);
            if (next !== null) expect(compareKeys(layout, line, Buffer.from(next))).toBeLessThan(0);
          }
        }
      }),
    );
  });

  it('in a table with no key an inserted row changes only the blocks around it', async () => {
    const rows = Array.from({ length: 60_000 }, (_, i) => joinLine([`row ${String(i).padStart(8, '0')}`]));
    const before = await cut(rows, { layout: keyless });
    const after = await cut(
      [joinLine(['row 00000005x']), ...rows].toSorted((a, b) => a.compare(b)),
      { layout: keyless },
    );
    const known = new Set(before.map((range) => range.bytes.toString('latin1')));
    expect(before.length).toBeGreaterThan(5);
    expect(after.filter((range) => !known.has(range.bytes.toString('latin1'))).length).toBeLessThanOrEqual(2);
  });
});
