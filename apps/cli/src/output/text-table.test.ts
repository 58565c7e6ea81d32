import { describe, expect, it } from 'vitest';
import { oneLine, textTable } from './text-table.ts';

describe('tables for people', () => {
  it('columns line up, whatever the characters are', () => {
    const lines = textTable(
      ['NAME', 'ROWS'],
      [
        ['ação 🚀', '1'],
        ['b', '1,200'],
      ],
      { right: ['ROWS'] },
    ).split('\n');
    expect(lines).toEqual(['NAME      ROWS', 'ação 🚀      1', 'b        1,200']);
  });

  it('a terminal is given no control characters, and no value without end', () => {
    expect(oneLine('a\n\u001b[2Jb')).toBe('a [2Jb');
    const shown = oneLine('🚀'.repeat(10_000_000));
    expect(shown.length).toBeLessThan(2000);
    expect(shown.endsWith('…')).toBe(true);
  });
});
