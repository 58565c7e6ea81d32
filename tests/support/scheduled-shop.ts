import type { BlobStore, Clock } from '../../packages/engine/src/index.ts';
import { type ServiceContext, updateSettings } from '../../packages/services/src/index.ts';
import { createTestDatabase, type TestDatabase, type TestServer } from './database.ts';
import { createShop, type TestService } from './service-context.ts';

/** Goes on only when the test says so. */
export class SetClock implements Clock {
  #time = 0;

  constructor(iso: string) {
    this.set(iso);
  }

  now = (): Date => new Date(this.#time);

  set(iso: string): void {
    this.#time = Date.parse(iso);
  }

  pass(durationMs: number): void {
    this.#time += durationMs;
  }
}

export interface ScheduledShop extends TestService {
  readonly db: TestDatabase;
  readonly clock: SetClock;
  readonly context: ServiceContext;
  /** The columns that runners write, of one implementation. */
  standing(key: string): Promise<Standing>;
}

export interface Standing {
  readonly next: string | null;
  readonly retry: string | null;
  readonly failures: number;
  readonly code: string | null;
  readonly claimedBy: string | null;
  readonly needsWorker: boolean;
}

/** When the shop's clock stands before anybody moves it. */
export const NOON = '2025-02-01T12:00:00.000Z';
/** The first time of the shop's schedule after that. */
export const DUE = '2025-02-02T03:00:00.000Z';
/** And the one after. */
export const DUE_NEXT = '2025-02-03T03:00:00.000Z';

export interface ScheduledShopOptions {
  /** `shop/s1`, `shop/s2`, …, each a store. */
  readonly implementations?: number;
  /** null: none yet. */
  readonly schedule?: string | null;
  readonly store?: BlobStore;
}

/** The shop, with a clock that stands, and every store an implementation that is backed up daily at three. */
export async function createScheduledShop(
  server: TestServer,
  options: ScheduledShopOptions = {},
): Promise<ScheduledShop> {
  const { implementations = 2, schedule = '0 3 * * *', store } = options;
  const db = await createTestDatabase(server, { template: 'migrated' });
  const clock = new SetClock(NOON);
  const service = await createShop(db, store === undefined ? {} : { store });
  const context = service.again({ clock, actor: { kind: 'service', name: 'worker' } });
  await db.query(`INSERT INTO public.store SELECT i, 'Store ' || i FROM generate_series(3, $1::int) AS i`, [
    implementations,
  ]);
  await db.query(
    `WITH made AS (
       INSERT INTO module_implementations (module_id, key, name)
       SELECT m.id, 's' || i, 'Store ' || i FROM base_modules AS m, generate_series(1, $1::int) AS i WHERE m.slug = 'shop'
       RETURNING id, key)
     INSERT INTO cofre.implementation_settings (implementation_id, backup_scope)
     SELECT id, jsonb_build_object('store_id', substr(key, 2)::int) FROM made`,
    [implementations],
  );
  if (schedule !== null) await updateSettings(context, { place: {}, set: { schedule } });
  return {
    ...service,
    context,
    db,
    clock,
    async standing(key) {
      const { rows } = await db.query(
        `SELECT s.* FROM cofre.implementation_settings AS s JOIN module_implementations AS i ON i.id = s.implementation_id WHERE i.key = $1`,
        [key],
      );
      const [row] = rows;
      return {
        next: row.next_backup_at?.toISOString() ?? null,
        retry: row.retry_at?.toISOString() ?? null,
        failures: row.failures,
        code: row.last_error?.code ?? null,
        claimedBy: row.claimed_by,
        needsWorker: row.needs_worker,
      };
    },
    async [Symbol.asyncDispose]() {
      await service[Symbol.asyncDispose]();
      await db.drop();
    },
  };
}
