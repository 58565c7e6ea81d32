import { expect, it } from 'vitest';
import { newPasswordPath, signInPath, wayBack } from './way-back.ts';

const page = '/admin/modules/shop/one/restore/7?step=confirm&plan=9&table=a%26b';

it.each([signInPath, newPasswordPath])('%o leads back to the page, whatever stands in its address', (doorPath) => {
  const { searchParams } = new URL(doorPath(page), 'http://localhost');
  expect(wayBack(searchParams.get('to'))).toBe(page);
});

it('the first page need not be said', () => {
  expect(signInPath('/admin/modules')).toBe('/sign-in');
  expect(signInPath(null)).toBe('/sign-in');
});

it('what is no address of a page goes on to no other door', () => {
  expect(signInPath('//elsewhere.example/admin/')).toBe('/sign-in');
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
  '/admin/%2e%2e//elsewhere.example',
  '/admin/.%2E/%2F/elsewhere.example',
  '/admin/../\\elsewhere.example',
  '/admin/\t../..//elsewhere.example',
  '\t//elsewhere.example/admin/',
  ' //elsewhere.example/admin/',
  '%2F%2Felsewhere.example/admin/',
  '/%5Celsewhere.example/admin/',
  'javascript:alert(1)//admin/',
  '/javascript:alert(1)',
  'data:text/html,/admin/',
  '/administration',
])('%o leads to the first page', (asked) => {
  expect(wayBack(asked)).toBe('/admin/modules');
});
