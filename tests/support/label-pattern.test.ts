import { describe, expect, it } from 'vitest';
import { labelPattern } from './label-pattern.ts';

describe('the pattern of a label', () => {
  it('takes any value, either form of a plural with its number, and nothing besides', () => {
    const pattern = labelPattern(
      '{count, plural, =0 {No row} one {# row} other {# rows}} of {table} (as <when></when>)?',
    );
    expect('1,200 rows of stock (as 2 days ago)?').toMatch(pattern ?? '');
    expect('No row of stock (as now)?').toMatch(pattern ?? '');
    expect('No rows of stock (as now)?').not.toMatch(pattern ?? '');
    expect('1,200 rows of stock (as 2 days ago)? Yes').not.toMatch(pattern ?? '');
  });

  it('reads choices within choices, and leaves tags around words away', () => {
    const pattern = labelPattern(
      '{found, plural, one {# found} other {# found}}{done, select, true {.} other { <b>so far</b>}}',
    );
    expect('3 found so far').toMatch(pattern ?? '');
    expect('3 found.').toMatch(pattern ?? '');
    expect('3 found!').not.toMatch(pattern ?? '');
  });

  it('is none for a message of nothing but values, which would fit everything', () => {
    expect(labelPattern('{type} · {date}')).toBeNull();
    expect(labelPattern('{count, plural, one {#} other {#}}')).toBeNull();
  });
});
