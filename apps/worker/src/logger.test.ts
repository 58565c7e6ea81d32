import { CofreError } from '@cofre/contracts';
import { describe, expect, it } from 'vitest';
import { errorFields } from './logger.ts';

describe('an error in the log', () => {
  it('is its code, where it has one', () => {
    const error = new CofreError('storage/full', 'no room for Zebra', { params: { name: 'Zebra' } });
    expect(errorFields(error)).toEqual({ code: 'storage/full' });
  });

  it('that nobody foresaw is where it happened, and nothing of what it says', () => {
    const words = 'duplicate key (Zebra)\n    at Zebra (/srv/zebra.ts:1:2)\n    at /srv/zebra.ts:3:4';
    for (const error of [new Error(words), new CofreError('internal/bug', words, { cause: new TypeError(words) })]) {
      const fields = errorFields(error);
      expect(fields).toMatchObject({
        code: 'internal/bug',
        at: expect.arrayContaining([expect.stringMatching(/logger\.test\.ts:\d+:\d+\)?$/)]),
      });
      expect(JSON.stringify(fields)).not.toMatch(/zebra/i);
    }
  });

  it('whose words were changed after it was made, or that is none, says nothing more', () => {
    const error = Object.assign(new Error('other words'), { stack: 'Error: Zebra\n    at Zebra (/srv/zebra.ts:1:2)' });
    expect(errorFields(error)).toEqual({ code: 'internal/bug', at: [] });
    expect(errorFields('Zebra')).toEqual({ code: 'internal/bug', at: [] });
  });
});
