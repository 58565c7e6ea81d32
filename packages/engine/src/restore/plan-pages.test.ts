import { CofreError, planId } from '@cofre/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { damaged } from '../format/seal.ts';
import { joinLine } from '../rows/copy-text.ts';
import { invertOperation, invertPages } from './invert-pages.ts';
import type { PlanOperation, PlanTable } from './plan.ts';
import { PlanPageWriter, type PlanStore, readPlanOperations } from './plan-pages.ts';
import { fingerprintPlan, readPlan, savePlan } from './plan-store.ts';
import type { RestorePlan } from './plan.ts';

const PLAN = planId.parse('6f1c9f4e-5f38-4a53-9d6a-0f9f3f0f2d11');
const UNDO = planId.parse('6f1c9f4e-5f38-4a53-9d6a-0f9f3f0f2d12');

/** Objects as they were put, by path. What sealing adds is tested with the repository. */
function storeInMemory(): PlanStore & { readonly objects: Map<string, Buffer> } {
  const objects = new Map<string, Buffer>();
  return {
    objects,
    async putObject(path, _kind, plain) {
      objects.set(path, Buffer.from(plain));
    },
    async getObject(path) {
      const found = objects.get(path);
      if (found === undefined) throw damaged(path, 'it is not there');
      return found;
    },
  };
}

const line = fc
  .array(
    fc.oneof(
      fc.constant(null),
      fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0')),
    ),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  .map((values) => joinLine(values));

const operation: fc.Arbitrary<PlanOperation> = fc.oneof(
  line.map((after) => ({ op: 'insert' as const, after })),
  fc.tuple(line, line).map(([before, after]) => ({ op: 'update' as const, before, after })),
  line.map((before) => ({ op: 'delete' as const, before })),
);

async function write(store: PlanStore, operations: readonly PlanOperation[]): Promise<PlanTable> {
  const writer = new PlanPageWriter(store, PLAN, 3);
  for (const one of operations) await writer.write(one);
  return planTable(await writer.finish());
}

function planTable(written: Awaited<ReturnType<PlanPageWriter['finish']>>): PlanTable {
  const rest = { columns: ['a'], key: [], fingerprint: '', unchanged: 0, kept: 0, conflicts: [], wholeRanges: [] };
  return { schema: 'public', name: 't', ...rest, ...written };
}

async function read(store: PlanStore, table: PlanTable): Promise<PlanOperation[]> {
  const operations: PlanOperation[] = [];
  for await (const one of readPlanOperations(store, table)) operations.push(one);
  return operations;
}

describe('pages of a plan', () => {
  it('give back every operation, whatever bytes its rows hold', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 40 }), async (operations) => {
        const store = storeInMemory();
        const table = await write(store, operations);
        expect(await read(store, table)).toEqual(operations);
        expect(table.inserts + table.updates + table.deletes).toBe(operations.length);
      }),
    );
  });

  it('are closed at about 2 MiB, so that memory does not grow with the plan (I12)', async () => {
    const store = storeInMemory();
    const wide = joinLine(['x'.repeat(300_000)]);
    const operations = Array.from({ length: 20 }, (): PlanOperation => ({ op: 'update', before: wide, after: wide }));
    const table = await write(store, operations);
    expect(table.pages).toEqual(['0', '1', '2', '3', '4'].map((page) => `plans/${PLAN}/3-${page}`));
    expect(Math.max(...[...store.objects.values()].map((page) => page.length))).toBeLessThan(3_000_000);
    expect(await read(store, table)).toEqual(operations);
  });

  it('inverted twice are what they were', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 20 }), async (operations) => {
        const store = storeInMemory();
        const table = await write(store, operations);
        const undo = planTable(await invertPages(store, table, { plan: UNDO, tableIndex: 3 }));
        expect(await read(store, undo)).toEqual(operations.map(invertOperation));
        expect([undo.inserts, undo.updates, undo.deletes]).toEqual([table.deletes, table.updates, table.inserts]);
        const again = planTable(await invertPages(store, undo, { plan: PLAN, tableIndex: 4 }));
        expect(again.operationsHash).toBe(table.operationsHash);
      }),
    );
  });

  it.each([
    ['a byte is changed', (page: Buffer) => Buffer.concat([page.subarray(0, 3), Buffer.from('X'), page.subarray(4)])],
    ['the end is missing', (page: Buffer) => page.subarray(0, -1)],
    ['a mark is unknown', (page: Buffer) => Buffer.concat([Buffer.from('?'), page.subarray(1)])],
    ['an operation is left out', (page: Buffer) => page.subarray(0, page.indexOf(0x0a) + 1)],
  ])('are refused where %s (I5)', async (_name, spoil) => {
    const store = storeInMemory();
    const table = await write(store, [
      { op: 'insert', after: joinLine(['one']) },
      { op: 'delete', before: joinLine(['two']) },
    ]);
    const [path] = table.pages;
    store.objects.set(path ?? '', spoil(store.objects.get(path ?? '') ?? Buffer.alloc(0)));
    await expect(read(store, table)).rejects.toMatchObject({ code: 'repository/damaged' });
  });
});

describe('the head of a plan', () => {
  async function plan(): Promise<RestorePlan> {
    const table = await write(storeInMemory(), [{ op: 'insert', after: joinLine(['one']) }]);
    const head: Omit<RestorePlan, 'fingerprint'> = {
      format: 1,
      id: PLAN,
      purpose: { kind: 'restore' },
      backupId: '6f1c9f4e-5f38-4a53-9d6a-0f9f3f0f2d13' as RestorePlan['backupId'],
      implementation: {
        id: '6f1c9f4e-5f38-4a53-9d6a-0f9f3f0f2d14' as RestorePlan['implementation']['id'],
        module: 'rentals',
        key: 'store-1',
      },
      mode: 'merge',
      selection: { configOnly: false, tables: null },
      createdAt: '2025-01-20T10:00:00.000Z',
      expiresAt: '2025-01-20T11:00:00.000Z',
      snapshot: {
        xmin: '7',
        text: '7:7:',
        takenAt: '',
        serverVersionNum: 180000,
        systemIdentifier: null,
        database: 'd',
      },
      tables: [table],
      collateral: [],
      triggers: [],
      drift: [],
      warnings: [],
      applicable: true,
    };
    return { ...head, fingerprint: fingerprintPlan(head) };
  }

  it('is read as it was saved', async () => {
    const store = storeInMemory();
    const saved = await plan();
    await savePlan(store, saved);
    expect(await readPlan(store, PLAN)).toEqual(saved);
  });

  it('has a fingerprint of what it does, not of when and where it was made', async () => {
    const first = await plan();
    const later = { ...first, id: UNDO, createdAt: '2025-02-01T00:00:00.000Z', expiresAt: '2025-02-01T01:00:00.000Z' };
    expect(fingerprintPlan(later)).toBe(first.fingerprint);
    expect(fingerprintPlan({ ...first, warnings: ['one'] })).not.toBe(first.fingerprint);
    const [table] = first.tables;
    const other = table ? [{ ...table, wholeRanges: [0] }] : [];
    expect(fingerprintPlan({ ...first, tables: other })).not.toBe(first.fingerprint);
  });

  it('is refused where it was changed after its fingerprint was made (I5)', async () => {
    const store = storeInMemory();
    await savePlan(store, { ...(await plan()), warnings: ['added later'] });
    await expect(readPlan(store, PLAN)).rejects.toMatchObject({ code: 'repository/damaged' });
  });

  it('that is not there is plan/not-found', async () => {
    const gone: PlanStore = {
      putObject: async () => undefined,
      getObject: async () => {
        throw new CofreError('repository/object-missing', 'gone');
      },
    };
    await expect(readPlan(gone, PLAN)).rejects.toMatchObject({ code: 'plan/not-found' });
  });
});
