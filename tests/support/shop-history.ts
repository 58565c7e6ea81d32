import { TravellingClock } from '../../packages/services/src/demo/travelling-clock.ts';
import { addImplementation, createBackup, holdBackup } from '../../packages/services/src/index.ts';
import type { TestWeb } from './web-server.ts';

const DAY_MS = 86_400_000;
const DAYS = 24;
/** In the night of that day a table was locked. */
const FAILED_DAY = 12;

export interface ShopHistory {
  /** Of `shop/two`, the failed one included. */
  readonly backups: number;
  readonly configOnly: number;
  /** The description of the one that is held, and of one that is not. */
  readonly held: string;
  readonly named: string;
}

/** `shop/two` after some weeks of use, of which one night went wrong; `shop/three` is new and has never been backed up. */
export async function loadShopHistory({ db, context: today }: Pick<TestWeb, 'db' | 'context'>): Promise<ShopHistory> {
  await db.query(`INSERT INTO public.store VALUES (3, 'Three', NULL, 'key-of-three')`);
  await addImplementation(today, { module: 'shop', key: 'three', name: 'Store Three', scope: { store_id: 3 } });
  const now = today.clock.now().getTime();
  const clock = new TravellingClock(today.clock);
  const context = { ...today, clock, actor: { kind: 'operator', name: 'Marina Costa' } } as const;
  const history = { held: 'For the auditors', named: 'Before the move', configOnly: 2 };
  clock.startAt(new Date(now - (DAYS + 1) * DAY_MS));
  for (let day = 1; day <= DAYS; day += 1) {
    clock.goTo(new Date(now - (DAYS + 1 - day) * DAY_MS));
    await db.query('UPDATE public.item SET price = price + 1 WHERE store_id = 2 AND item_id % 24 = $1', [day % 24]);
    const backUp = (options: object = {}) =>
      createBackup(context, { implementation: 'shop/two', type: 'incremental', ...options });
    if (day === FAILED_DAY) await whileLocked(db, () => backUp().catch(() => undefined));
    else if (day === 3 || day === 9) await backUp({ type: 'config_only' });
    else if (day === 5) await backUp({ expiresAt: new Date(now + 2 * DAY_MS).toISOString() });
    else if (day === 7) await backUp({ description: history.named, type: 'full' });
    else if (day === 8) {
      const { id } = await backUp({ description: history.held });
      await holdBackup(context, { backup: id, reason: 'They ask for it until the end of the year.' });
    } else await backUp();
  }
  return { ...history, backups: DAYS };
}

async function whileLocked({ query }: TestWeb['db'], work: () => Promise<unknown>): Promise<void> {
  await query('BEGIN; LOCK TABLE public.item');
  try {
    await work();
  } finally {
    await query('ROLLBACK');
  }
}
