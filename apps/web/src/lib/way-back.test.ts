import { expect, it } from 'vitest';
import { signInPath, wayBack } from './way-back.ts';

const page = '/admin/modules/shop/one/restore/7?step=confirm&plan=9&table=a%26b';

it('who signs in again comes back to the page, whatever stands in its address', () => {
  const { searchParams } = new URL(signInPath(page), 'http://localhost');
  expect(wayBack(searchParams.get('to'))).toBe(page);
});

it.each([
  null,
  undefined,
  ['/admin/modules/shop'],
  '',
  '/',
  '/sign-in',
  'https://elsewhere.example/admin/',
  '//elsewhere.example/admin/',
  '/\\elsewhere.example/admin/',
  '/admin/..//elsewhere.example',
  '/admin/../sign-in',
  '/administration',
])('%o leads to the first page', (asked) => {
  expect(wayBack(asked)).toBe('/admin/modules');
});
