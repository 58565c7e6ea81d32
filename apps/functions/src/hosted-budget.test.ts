import type { ProgressEvent } from '@cofre/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BACKUP, HostedBudget, type PieceOfWork, REMOVAL, SLICE_BYTES_MAX } from './hosted-budget.ts';

const startedAt = new Date('2025-02-01T12:00:00Z');

function budgetOf(options: { readonly hasPassphrase?: boolean; readonly piece?: PieceOfWork } = {}) {
  const clock = { time: startedAt.getTime(), now: () => new Date(clock.time) };
  const { hasPassphrase = false, piece = BACKUP } = options;
  return { clock, budget: new HostedBudget({ clock, startedAt, hasPassphrase, piece }) };
}

const read = (bytes: number): ProgressEvent => ({ phase: 'read', rows: 1, rowsTotal: null, bytes, elapsedMs: 1 });

/** Takes pieces of these sizes until the budget says no; gives how many it took. */
function take(budget: HostedBudget, sizes: Iterable<number>): number {
  let taken = 0;
  for (const bytes of sizes) {
    if (!budget.mayStart()) break;
    budget.observe({ ...read(0), phase: 'prepare' });
    budget.observe(read(bytes / 2));
    budget.observe(read(bytes));
    taken += 1;
  }
  return taken;
}

describe('the budget of a hosted function', () => {
  it('always allows one slice of the largest size, also with a passphrase', () => {
    expect(take(budgetOf({ hasPassphrase: true }).budget, [SLICE_BYTES_MAX])).toBe(1);
  });

  it('never reckons with more processor time than the platform allows, whatever was taken', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: SLICE_BYTES_MAX }), { minLength: 60, maxLength: 60 });
    fc.assert(
      fc.property(sizes, fc.boolean(), (pieces, hasPassphrase) => {
        const { budget } = budgetOf({ hasPassphrase });
        const taken = take(budget, pieces);
        expect(taken).toBeGreaterThan(0);
        expect(taken).toBeLessThan(20);
        expect(budget.cpuMs).toBeLessThanOrEqual(2000);
        expect(budget.mayStart()).toBe(false);
      }),
    );
  });

  it('takes several small slices in a call, and many removals', () => {
    expect(take(budgetOf().budget, Array<number>(100).fill(1000))).toBeGreaterThanOrEqual(6);
    expect(take(budgetOf({ piece: REMOVAL }).budget, Array<number>(100).fill(0))).toBeGreaterThanOrEqual(40);
  });

  it('stops taking work long before who waits for the answer gives up', () => {
    const { budget, clock } = budgetOf();
    clock.time += 80_000;
    expect(budget.mayStart()).toBe(true);
    clock.time += 20_000;
    expect(budget.mayStart()).toBe(false);
  });

  it('gives up a slice that is much larger than was estimated, and only while it is read', () => {
    const { budget } = budgetOf();
    expect(budget.mayStart()).toBe(true);
    budget.observe(read(SLICE_BYTES_MAX));
    budget.observe({ ...read(SLICE_BYTES_MAX * 2), phase: 'done' });
    expect(() => budget.observe(read(SLICE_BYTES_MAX * 2))).toThrow(
      expect.objectContaining({ code: 'backup/needs-worker' }),
    );
  });
});
