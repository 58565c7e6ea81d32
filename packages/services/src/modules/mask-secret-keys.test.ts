import { expect, it } from 'vitest';
import { maskSecretKeys } from './mask-secret-keys.ts';

it.each([
  ['{"apiKey": "k-1", "days": 7}', '{"apiKey":"••••••","days":7}'],
  ['{"smtp": {"host": "h", "password": "p"}}', '{"smtp":{"host":"h","password":"••••••"}}'],
  ['[{"webhook-secret": {"old": "a", "new": "b"}}]', '[{"webhook-secret":"••••••"}]'],
  ['{"access_token": 12345678901234567890}', '{"access_token":"••••••"}'],
])('values under names that speak of secrets are masked, at any depth: %s', (text, expected) => {
  expect(maskSecretKeys(text)).toBe(expected);
});

it.each(['{"keyboard": "br", "days": [7, 21]}', '"plain"', '12345678901234567890', 'null'])(
  'what names no secret stays byte by byte: %s',
  (text) => {
    expect(maskSecretKeys(text)).toBe(text);
  },
);

it('switches and empty places under such names are shown, for they tell nothing', () => {
  const text = '{"hasToken":true,"password":null,"secret":""}';
  expect(maskSecretKeys(text)).toBe(text);
});

it('what names a secret and is no JSON that can be read is not shown at all', () => {
  expect(maskSecretKeys('{"password": ')).toBe('••••••');
});
