import type { ManifestTable, RangeEntry, Repository } from '@cofre/engine';

/** Ranges of both tables that hold the same part of the key. */
export interface Span {
  readonly left: { readonly fromRange: number; readonly toRange: number };
  readonly right: { readonly fromRange: number; readonly toRange: number };
}

/**
 * The parts of two stored tables that may differ. Ranges between two bounds that both tables have, and that name the same
 * blocks, hold the same rows and are left out: comparing a backup with its child costs what changed, not what there is.
 */
export async function* differingSpans(
  repository: Repository,
  left: ManifestTable,
  right: ManifestTable,
): AsyncGenerator<Span, void, void> {
  const [leftRanges, rightRanges] = [await listRanges(repository, left), await listRanges(repository, right)];
  const whole = {
    left: { fromRange: 0, toRange: leftRanges.length },
    right: { fromRange: 0, toRange: rightRanges.length },
  };
  const alike =
    JSON.stringify([left.columns.map(({ name }) => name), left.key]) ===
    JSON.stringify([right.columns.map(({ name }) => name), right.key]);
  if (!alike || left.key.length === 0) {
    if (!alike || content(leftRanges) !== content(rightRanges)) yield whole;
    return;
  }
  const rightIndex = new Map(rightRanges.map(({ low }, index) => [low, index]));
  let [leftFrom, rightFrom] = [0, 0];
  for (let leftTo = 1; leftTo <= leftRanges.length; leftTo += 1) {
    const low = leftRanges[leftTo]?.low;
    const rightTo = leftTo === leftRanges.length ? rightRanges.length : rightIndex.get(low ?? null);
    if (rightTo === undefined) continue;
    const parts = [leftRanges.slice(leftFrom, leftTo), rightRanges.slice(rightFrom, rightTo)] as const;
    if (content(parts[0]) !== content(parts[1])) {
      yield { left: { fromRange: leftFrom, toRange: leftTo }, right: { fromRange: rightFrom, toRange: rightTo } };
    }
    [leftFrom, rightFrom] = [leftTo, rightTo];
  }
  if (leftRanges.length === 0 && rightRanges.length > 0) yield whole;
}

/** What of a range says which rows it holds; kept instead of the whole entry, for a large table has many. */
interface RangeContent {
  readonly low: string | null;
  readonly blocks: string;
}

async function listRanges(repository: Repository, table: ManifestTable): Promise<readonly RangeContent[]> {
  const ranges: RangeContent[] = [];
  for await (const range of repository.ranges(table)) ranges.push({ low: range.low, blocks: blocksOf(range) });
  return ranges;
}

function blocksOf({ base, deltas }: RangeEntry): string {
  return [base?.rows.id, ...deltas.flatMap(({ upserts, deletes }) => [upserts?.id, deletes?.id])].join(' ');
}

function content(ranges: readonly RangeContent[]): string {
  return ranges.map(({ blocks }) => blocks).join('\n');
}
