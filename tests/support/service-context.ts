import type { BlobStore, Clock, Repository, RepositoryKey } from '../../packages/engine/src/index.ts';
import {
  applyDefinition,
  initRepository,
  openCatalogue,
  openUnpinned,
  pinRepository,
  type ServiceContext,
} from '../../packages/services/src/index.ts';
import { MemoryStore, nodeCodecs, systemRandom } from '../../packages/storage/src/index.ts';
import type { TestDatabase } from './database.ts';

/** A clock that goes on by a second whenever it is looked at: times in the catalogue differ and rise. */
export function steppingClock(start = '2025-01-21T12:00:00.000Z'): Clock {
  let time = Date.parse(start);
  return {
    now: () => {
      time += 1000;
      return new Date(time);
    },
  };
}

export interface TestService extends AsyncDisposable {
  readonly context: ServiceContext;
  readonly store: BlobStore;
  /** The same service as another process would have it: nothing is opened yet. */
  again(options?: Partial<ServiceContext>): ServiceContext;
}

export interface TestServiceOptions {
  readonly key?: RepositoryKey;
  readonly store?: BlobStore;
  /** Default: an empty repository is made. */
  readonly init?: boolean;
}

/** Use cases on a migrated test database, with a repository in memory. */
export async function createTestService(
  db: Pick<TestDatabase, 'url' | 'database'>,
  options: TestServiceOptions = {},
): Promise<TestService> {
  const store = options.store ?? new MemoryStore();
  const catalogue = openCatalogue({ url: db.url, label: db.database.label });
  const place = {
    store,
    codecs: nodeCodecs,
    key: options.key ?? ({ kind: 'none' } as const),
    clock: steppingClock(),
    random: systemRandom,
    accepted: null,
  };
  const again = (overrides: Partial<ServiceContext> = {}): ServiceContext => {
    const base = { ...place, catalogue, ...overrides };
    let opened: Promise<Repository> | null = null;
    return {
      ...base,
      database: db.database,
      actor: { kind: 'operator', name: 'tester' },
      settings: { readers: 2, lockTimeoutMs: 1000, madeBy: 'cofre test' },
      openRepository: () => {
        opened ??= openUnpinned(base).then((repository) => pinRepository(base, repository));
        return opened;
      },
      ...overrides,
    };
  };
  if (options.init !== false) await initRepository(place, place.key.kind === 'none' ? { encryption: 'none' } : {});
  return { context: again(), store, again, [Symbol.asyncDispose]: () => catalogue.destroy() };
}

export const SHOP_DEFINITION = `version: 1
module: shop   # what the shop sells
root: { table: public.store, key: [store_id] }
tables:
  - { table: public.store, role: config, scope: { columns: { store_id: store_id } }, secret: [api_key] }
  - { table: public.item,  role: data,   scope: { columns: { store_id: store_id } } }
  - { table: public.sale,  role: data,   scope: { parent: public.item, columns: { item_id: item_id } } }
`;

/** Two stores of a shop: a small schema with a secret, JSON, a path through a parent, and rows of somebody else's. */
export async function loadShop(db: TestDatabase): Promise<void> {
  await db.query(`
    CREATE TABLE public.store (store_id int PRIMARY KEY, name text NOT NULL, settings jsonb, api_key text);
    CREATE TABLE public.item (item_id serial PRIMARY KEY, store_id int NOT NULL REFERENCES public.store, sku text UNIQUE, price numeric(10, 2));
    CREATE TABLE public.sale (sale_id bigserial PRIMARY KEY, item_id int NOT NULL REFERENCES public.item, sold_at timestamptz NOT NULL DEFAULT '2025-01-01', quantity int);
    INSERT INTO public.store VALUES (1, 'One', '{"hours": [8, 18], "vat": 23.0}', 'key-of-one'), (2, 'Two', NULL, 'key-of-two');
    INSERT INTO public.item (store_id, sku, price) SELECT 1 + i % 2, 'sku-' || i, i * 1.1 FROM generate_series(1, 400) AS i;
    INSERT INTO public.sale (item_id, quantity) SELECT 1 + i % 400, i % 7 FROM generate_series(1, 2000) AS i`);
}

/** The shop with its definition kept; implementations are the test's to add. */
export async function createShop(db: TestDatabase, options: TestServiceOptions = {}): Promise<TestService> {
  await loadShop(db);
  const service = await createTestService(db, options);
  await applyDefinition(service.context, { source: SHOP_DEFINITION });
  return service;
}
