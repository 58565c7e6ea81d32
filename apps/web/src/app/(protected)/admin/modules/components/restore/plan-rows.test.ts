import { expect, it } from 'vitest';
import { type PlanRow, rowName, tellingColumns } from './plan-rows.ts';

const ROW: PlanRow = {
  position: 0,
  op: 'update',
  before: { id: '1', updated_at: 'then', name: 'Flour', price: '890.00', note: null },
  after: { id: '1', updated_at: 'now', name: 'Flour', price: '8.90', note: null },
  changed: ['updated_at', 'price'],
  isCut: false,
};

it('a row is called by its key and its name', () => {
  expect(rowName(ROW, ['id'])).toEqual({ key: 'id 1', name: 'Flour' });
  expect(rowName({ ...ROW, after: { a: '1', b: null } }, ['a', 'b'])).toEqual({ key: 'a 1 · b ', name: null });
  expect(rowName(ROW, [])).toEqual({ key: '', name: 'Flour' });
});

it('what changed is said before when it was changed', () => {
  expect(tellingColumns(ROW, ['id'])).toEqual(['price', 'updated_at']);
});

it('of a row that comes back, values are said that are there and tell something', () => {
  const row: PlanRow = { ...ROW, op: 'insert', before: null, changed: [] };
  expect(tellingColumns(row, ['id'])).toEqual(['name', 'price', 'updated_at']);
});
