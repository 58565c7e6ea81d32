import { describe, expect, it } from 'vitest';
import type { ForeignKeyFacts, TableFacts, TriggerFacts } from '../introspect/table-facts.ts';
import { decideWriting, type TableToWrite } from './decide-writing.ts';

interface Pointer {
  readonly to: number;
  readonly deferrable?: boolean;
  readonly nullable?: boolean;
  readonly onDelete?: ForeignKeyFacts['onDelete'];
}

/** A table by its number, which points at others. Its columns are named after those. */
function table(index: number, pointers: readonly Pointer[] = [], more: Partial<TableFacts> = {}): TableToWrite {
  const end = (oid: number, column: string) => ({ schema: 'public', name: `t${oid}`, oid, columns: [column] });
  const foreignKeys = pointers.map(
    ({ to, deferrable = false, onDelete = 'no-action' }): ForeignKeyFacts => ({
      name: `${index}_to_${to}`,
      oid: index * 100 + to,
      from: end(index, `to_${to}`),
      to: end(to, 'id'),
      operators: ['OPERATOR(pg_catalog.=)'],
      onDelete,
      onUpdate: 'no-action',
      match: 'simple',
      deferrable,
      validated: true,
    }),
  );
  const columns = pointers.map(({ to, nullable = false }) => ({
    name: `to_${to}`,
    notNull: !nullable,
    generated: null,
  }));
  const facts = { oid: index, schema: 'public', name: `t${index}`, kind: 'plain', children: [], columns, foreignKeys };
  const rest = { referencedBy: [], triggers: [], rules: [], uniques: [] };
  return {
    index,
    facts: { ...facts, ...rest, ...more } as unknown as TableFacts,
    inserts: 1,
    updates: 0,
    deletes: 0,
    needsReplica: [],
  };
}

const trigger = (enabled: TriggerFacts['enabled'], events: TriggerFacts['events']): TriggerFacts => ({
  name: `${enabled} ${events.join()}`,
  function: 'public.f',
  timing: 'before',
  events,
  enabled,
});

const kinds = (writing: ReturnType<typeof decideWriting>) =>
  Object.fromEntries([...writing.conflicts].map(([index, conflicts]) => [index, conflicts.map(({ kind }) => kind)]));

describe('the order of writing', () => {
  it('puts parents before children, also over several steps, and leaves the rest as it is listed', () => {
    const tables = [table(1, [{ to: 3 }]), table(2), table(3, [{ to: 4 }]), table(4), table(5, [{ to: 1 }, { to: 2 }])];
    expect(decideWriting(tables, true).order).toEqual([2, 4, 3, 1, 5]);
  });

  it('asks nothing of a table that points at itself', () => {
    expect(decideWriting([table(1, [{ to: 1 }])], false)).toMatchObject({ order: [1], conflicts: new Map() });
  });

  it('is free where one side of a circle is not written to', () => {
    const parent = { ...table(2, [{ to: 1 }]), inserts: 0, updates: 5 };
    expect(kinds(decideWriting([table(1, [{ to: 2 }]), parent], false))).toEqual({});
  });

  it('breaks a circle by bypassing what can be bypassed', () => {
    const writing = decideWriting(
      [table(1, [{ to: 2 }]), table(2, [{ to: 3 }]), table(3, [{ to: 1 }]), table(4, [{ to: 3 }])],
      true,
    );
    expect(writing.replica).toEqual(new Set([1, 2, 3]));
    expect(writing.order.at(-1)).toBe(4);
    expect(kinds(writing)).toEqual({});
  });

  it('breaks a circle without that right by what is deferrable, or by what may be NULL for a moment', () => {
    const deferrable = decideWriting([table(1, [{ to: 2 }]), table(2, [{ to: 1, deferrable: true }])], false);
    expect(deferrable).toMatchObject({ order: [2, 1], nulled: new Map(), conflicts: new Map() });
    const nullable = decideWriting([table(1, [{ to: 2, nullable: true }]), table(2, [{ to: 1 }])], false);
    expect(nullable).toMatchObject({ order: [1, 2], nulled: new Map([[1, ['to_2']]]), conflicts: new Map() });
  });

  it('breaks two circles through one table', () => {
    const writing = decideWriting(
      [
        table(1, [
          { to: 2, nullable: true },
          { to: 3, nullable: true },
        ]),
        table(2, [{ to: 1 }]),
        table(3, [{ to: 1 }]),
      ],
      false,
    );
    expect(writing.nulled).toEqual(new Map([[1, ['to_2', 'to_3']]]));
    expect(kinds(writing)).toEqual({});
  });

  it('refuses a circle that nothing breaks, and a RESTRICT is never deferred when rows are deleted', () => {
    expect(kinds(decideWriting([table(1, [{ to: 2 }]), table(2, [{ to: 1 }])], false))).toEqual({
      1: ['unsupported'],
      2: ['unsupported'],
    });
    const deletes = [table(1, [{ to: 2 }]), table(2, [{ to: 1, deferrable: true, onDelete: 'restrict' }])].map(
      (one) => {
        return { ...one, inserts: 0, deletes: 1 };
      },
    );
    expect(kinds(decideWriting(deletes, false))).toEqual({ 1: ['unsupported'], 2: ['unsupported'] });
  });
});

describe('triggers', () => {
  const fires = (triggers: TriggerFacts[], counts: Partial<TableToWrite>, canReplica = true) => {
    const writing = decideWriting([{ ...table(1, [], { triggers }), inserts: 0, ...counts }], canReplica);
    return { replica: writing.replica.has(1), kinds: kinds(writing), fires: writing.triggers.map((one) => one.fires) };
  };

  it('that would fire are bypassed, others make no difference', () => {
    expect(fires([trigger('origin', ['update'])], { updates: 1 })).toEqual({
      replica: true,
      kinds: {},
      fires: [false],
    });
    expect(fires([trigger('origin', ['update'])], { inserts: 1 })).toEqual({
      replica: false,
      kinds: {},
      fires: [false],
    });
    expect(fires([trigger('disabled', ['insert'])], { inserts: 1 })).toEqual({
      replica: false,
      kinds: {},
      fires: [false],
    });
    expect(fires([trigger('replica', ['insert'])], { inserts: 1 })).toEqual({
      replica: false,
      kinds: {},
      fires: [false],
    });
    expect(fires([trigger('origin', ['truncate'])], { deletes: 1 })).toEqual({
      replica: false,
      kinds: {},
      fires: [false],
    });
  });

  it('that cannot be kept from firing are a conflict', () => {
    expect(fires([trigger('always', ['delete'])], { deletes: 1 })).toMatchObject({
      kinds: { 1: ['triggers'] },
      fires: [true],
    });
    const both = [trigger('origin', ['insert']), trigger('replica', ['insert'])];
    expect(fires(both, { inserts: 1 })).toMatchObject({ kinds: { 1: ['triggers'] }, fires: [false, true] });
    expect(fires([trigger('origin', ['insert'])], { inserts: 1 }, false)).toMatchObject({
      replica: false,
      kinds: { 1: ['triggers'] },
    });
  });

  it('and rules go the same way, but a COPY is not rewritten by a rule', () => {
    const rules = [
      { name: 'r', event: 'insert', enabled: 'origin' } as const,
      { name: 'd', event: 'delete', enabled: 'always' } as const,
    ];
    const write = (counts: Partial<TableToWrite>) =>
      decideWriting([{ ...table(1, [], { rules }), inserts: 0, ...counts }], true);
    expect(kinds(write({ inserts: 1 }))).toEqual({});
    expect(kinds(write({ deletes: 1 }))).toEqual({ 1: ['triggers'] });
  });
});
