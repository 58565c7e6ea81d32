import { expect, it } from 'vitest';
import { readableAddress } from './readable-address.ts';

it.each([
  '/',
  '/admin/modules/shop/one?tab=backups',
  '/admin/modules/a%2Fb/%C3%A7',
  '/admin/modules?table=%E0%A4%A',
  '*',
  'http://localhost/admin',
])('%s is left as it is', (address) => {
  expect(readableAddress(address)).toBe(address);
});

it.each([
  ['/admin/modules/%E0%A4%A', '/admin/modules/%25E0%25A4%25A'],
  ['/admin/modules/%E0%A4%A/one?tab=%C3&x=?', '/admin/modules/%25E0%25A4%25A/one?tab=%C3&x=?'],
  ['/%', '/%25'],
  ['/100%/a%2Fb', '/100%25/a%2Fb'],
  ['/%ff/%C3%A7/%zz', '/%25ff/%C3%A7/%25zz'],
])('%s is asked for as %s', (address, readable) => {
  expect(readableAddress(address)).toBe(readable);
  expect(() => decodeURI(readable.replace(/\?.*/, ''))).not.toThrow();
  expect(readableAddress(readable)).toBe(readable);
});
