import { describe, expect, it } from 'vitest';
import { isTypeText, restsOnDatabase } from './scratch-types.ts';

describe('the text of a type from a manifest', () => {
  it.each([
    'integer',
    'character varying(10)[]',
    'numeric(10,-2)',
    'timestamp(3) without time zone',
    'interval day to second(3)',
    '"char"',
    'public.geometry(Point,4326)',
    '"Ünit 📦"."my ""type"""(3)[]',
  ])('%s is put into a statement', (text) => {
    expect(isTypeText(text)).toBe(true);
  });

  it.each([
    '',
    'text, x text',
    'text); DROP TABLE public.item; --',
    'int DEFAULT (SELECT 1)',
    'text /* */',
    "text DEFAULT 'x'",
    'text--',
    'numeric(1--)',
    'text\n',
    '"open',
    'text(',
    'numeric(1;2)',
    'text$$',
    'a(b(c))',
    `${'a'.repeat(200_000)}!`,
  ])('%j is not', (text) => {
    expect(isTypeText(text)).toBe(false);
  });

  it('values of types with labels, checks or names depend on what is in the database', () => {
    const types = [
      'public.mood',
      'public.mood[]',
      'regclass',
      'regtype[]',
      'aclitem',
      'text',
      'numeric(10,2)',
      'registry',
    ];
    expect(types.filter(restsOnDatabase)).toEqual(types.slice(0, 5).concat('registry'));
  });
});
