import { linesOf, type RowBatch, type RowLayout } from '@cofre/engine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RowCursor } from './row-cursor.ts';

const LAYOUT: RowLayout = { columns: ['id', 'x'], key: [{ name: 'id', order: 'integer' }] };

function batchOf(ids: readonly number[]): RowBatch {
  const lines = ids.map((id) => `${id}\tx${id}\n`);
  let end = 0;
  return { bytes: Buffer.from(lines.join('')), ends: lines.map((line) => (end += line.length)) };
}

async function* batches(parts: readonly (readonly number[])[]): AsyncGenerator<RowBatch> {
  for (const part of parts) yield batchOf(part);
}

describe('walking an ordered stream in pieces', () => {
  it('gives every row exactly once, in the piece that its key belongs to, however batches and bounds lie', async () => {
    const ascending = fc
      .uniqueArray(fc.integer({ min: -50, max: 50 }), { maxLength: 40 })
      .map((ids) => ids.sort((a, b) => a - b));
    const cuts = fc.array(fc.nat({ max: 40 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(ascending, cuts, ascending, async (ids, ends, bounds) => {
        const at = [0, ...ends.filter((end) => end < ids.length).sort((a, b) => a - b), ids.length];
        const parts = at.slice(1).map((end, index) => ids.slice(at[index], end));
        await using cursor = new RowCursor(LAYOUT, batches(parts));
        let low = Number.NEGATIVE_INFINITY;
        for (const bound of [...bounds, null]) {
          const key = bound === null ? null : Buffer.from(String(bound));
          const expected = ids.filter((id) => id >= low && (bound === null || id < bound));
          expect(await cursor.hasRowBelow(key)).toBe(expected.length > 0);
          const given: number[] = [];
          for await (const batch of cursor.takeBelow(key))
            for (const line of linesOf(batch)) given.push(Number(line.toString().split('\t')[0]));
          expect(given).toEqual(expected);
          low = bound ?? low;
        }
        expect(await cursor.isAtEnd()).toBe(true);
      }),
    );
  });
});
