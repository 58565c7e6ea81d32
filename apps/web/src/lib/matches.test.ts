import { expect, it } from 'vitest';
import { matches } from './matches.ts';

it.each([
  ['', true],
  ['perec', true],
  ['ESTOQUE', true],
  ['estoque pereciveis', true],
  ['perecíveis estoque', true],
  ['estoque billing', false],
  ['  ', true],
])('"%s" is found: %s', (typed, found) => {
  expect(matches(typed, ['Estoque', 'Perecíveis', 'perishable'])).toBe(found);
});
