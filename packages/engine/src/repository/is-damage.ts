import { isCofreError } from '@cofre/contracts';

/** Whether something of an earlier backup is hurt or gone: that keeps nobody from making a new one. */
export function isDamage(error: unknown): boolean {
  return isCofreError(error, 'repository/damaged') || isCofreError(error, 'repository/object-missing');
}

/** All up to what cannot be read. */
export async function* untilDamage<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item, void, void> {
  try {
    yield* items;
  } catch (error) {
    if (!isDamage(error)) throw error;
  }
}
