/** What became of one piece of work. */
export type Outcome<Result> = Result | { readonly failure: unknown };

/** Works on all items, so many at a time. One that fails stops no other; outcomes come in the order of the items. */
// oxlint-disable-next-line max-params
export async function inLanes<Item, Result extends object>(
  lanes: number,
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Outcome<Result>[]> {
  const outcomes: Outcome<Result>[] = [];
  const queue = items.entries();
  const lane = async () => {
    for (const [index, item] of queue) {
      try {
        outcomes[index] = await work(item, index);
      } catch (failure) {
        outcomes[index] = { failure };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane));
  return outcomes;
}
