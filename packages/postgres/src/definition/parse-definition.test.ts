import { isCofreError } from '@cofre/contracts';
import { describe, expect, it } from 'vitest';
import { parseDefinition } from './parse-definition.ts';

const RENTALS = `version: 1
module: rentals                       # base_modules.slug, created if new
root: { table: public.store, key: [store_id] }
tables:
  - { table: public.store,     role: config, scope: { columns: { store_id: store_id } } }
  - table: public.rental
    role: data
    scope:
      parent: public.inventory
      columns:
        inventory_id: inventory_id
references: [public.customer, "public.\\"Ünit 📦\\""]
tenant: { table: public.rental, column: customer_id }
`;

function faultsOf(text: string): readonly string[] {
  try {
    parseDefinition(text);
  } catch (error) {
    if (isCofreError(error, 'definition/invalid') && Array.isArray(error.params['faults']))
      return error.params['faults'];
    throw error;
  }
  return [];
}

describe('parseDefinition', () => {
  it('reads YAML, and the same in JSON', () => {
    const { definition } = parseDefinition(RENTALS);
    expect(definition).toMatchObject({
      module: 'rentals',
      tables: [{ role: 'config' }, { scope: { parent: 'public.inventory' } }],
    });
    expect(parseDefinition(JSON.stringify(definition)).definition).toEqual(definition);
    expect(parseDefinition(JSON.stringify(definition, null, '\t')).definition).toEqual(definition);
  });

  it('tells every fault at once, each with its place', () => {
    const text = RENTALS.replace('version: 1', 'version: 2')
      .replace('role: config', 'role: both')
      .replace('module: rentals', 'module: Rent als')
      .replace('    role: data\n', '')
      .replace('      columns:\n        inventory_id: inventory_id\n', '      columns: {}\n      colour: red\n');
    const faults = faultsOf(text);
    expect(faults.map((fault) => fault.split(': ')[0])).toEqual([
      '1:10 version',
      '2:9 module',
      '5:38 tables[0].role',
      '6:5 tables[1].role',
      '9:16 tables[1].scope.columns',
      '10:7 tables[1].scope.colour',
    ]);
    expect(faults[5]).toContain('there is no such key');
  });

  it('gives faults that are found later their place, of the key or the value', () => {
    const { faultAt } = parseDefinition(RENTALS);
    expect(faultAt(['tables', 1, 'scope', 'parent'], 'x')).toEqual({
      line: 9,
      column: 15,
      path: 'tables[1].scope.parent',
      message: 'x',
    });
    expect(faultAt(['tables', 1, 'scope', 'columns', 'inventory_id'], 'x')).toMatchObject({ line: 11, column: 23 });
    expect(faultAt(['tables', 1, 'scope', 'columns', 'inventory_id'], 'x', 'key')).toMatchObject({
      line: 11,
      column: 9,
    });
    expect(faultAt(['references', 1], 'x')).toMatchObject({ line: 12, column: 31 });
    expect(faultAt(['tables', 0, 'omit', 3], 'x')).toMatchObject({ line: 5, column: 5 });
  });

  it.each([
    ['nothing', '', '1:1 the document'],
    ['a list', '- 1', '1:1 the document'],
    ['broken YAML', 'version: 1\nmodule: [', '2:10'],
    ['a key twice', 'version: 1\nversion: 1', '2:1'],
    ['two documents', 'version: 1\n---\nversion: 1', '2:1'],
    ['an alias to nothing', 'version: *one', 'Unresolved alias'],
    ['broken JSON', '{"version": 1,, }', '1:1'],
    ['a tag of its own', 'version: !mine 1', '1:10'],
  ])('%s is refused with a place', (_, text, place) => {
    expect(faultsOf(text)[0]).toContain(place);
  });

  it('aliases that multiply are refused, not followed', () => {
    const levels = Array.from({ length: 9 }, (_, n) => `a${n + 1}: &a${n + 1} [${Array(9).fill(`*a${n}`).join(', ')}]`);
    expect(faultsOf(`a0: &a0 [x]\n${levels.join('\n')}`)[0]).toMatch(/alias/i);
  });
});
