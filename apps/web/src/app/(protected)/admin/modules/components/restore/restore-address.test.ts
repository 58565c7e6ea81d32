import { expect, it } from 'vitest';
import { parseRestoreAddress, printRestoreAddress } from './restore-address.ts';

const ID = '11111111-1111-4111-8111-111111111111';

it('what is chosen stands in the address, and is read from it again', () => {
  for (const search of [
    '?step=what',
    '?step=how&content=config',
    `?step=preview&table=public.item&table=public.%22odd+name%22&job=${ID}`,
    `?step=confirm&plan=${ID}&open=public.item`,
    `?step=run&job=${ID}&plan=${ID}`,
  ]) {
    expect(printRestoreAddress(parseRestoreAddress(new URLSearchParams(search)))).toBe(search);
  }
});

it.each([
  ['', 'what'],
  ['?step=nonsense', 'what'],
  ['?step=confirm', 'preview'],
  ['?step=confirm&plan=javascript:alert(1)', 'preview'],
  ['?step=run', 'preview'],
])('%s leads to the step %s: nothing is confirmed that was not seen', (search, step) => {
  expect(parseRestoreAddress(new URLSearchParams(search)).step).toBe(step);
});
