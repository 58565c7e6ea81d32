import { assert, CofreError } from '@cofre/contracts';
import { pinValues, sqlStateOf, translateConnectError, translatePgError } from '@cofre/postgres';
import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely';
import pg from 'pg';
import type { CatalogueSchema } from './schema.ts';

export type Catalogue = Kysely<CatalogueSchema>;

export interface CatalogueOptions {
  /** The application's database: the catalogue lives in it too. */
  readonly url: string;
  /** For messages: host, port and name. */
  readonly label: string;
  readonly connectionsMax?: number;
}

/** An idle catalogue keeps connections this long; the CLI is gone before, a server needs them again soon. */
const IDLE_MS = 30_000;
const CONNECT_TIMEOUT_MS = 15_000;

/** Queries on the catalogue. Connections are made when first needed; `destroy()` ends them. Every failure is a `CofreError`. */
export function openCatalogue(options: CatalogueOptions): Catalogue {
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: 'cofre catalogue',
    max: options.connectionsMax ?? 4,
    idleTimeoutMillis: IDLE_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    types: { getTypeParser: typeParser },
    // A role's own DateStyle would make times unreadable, its timeouts end what is not long.
    // The pool waits for it, whatever its types say.
    // oxlint-disable-next-line typescript/no-misused-promises
    onConnect: pinValues,
  });
  // A connection that breaks while it is idle is replaced by the pool; the next query does not notice.
  pool.on('error', () => undefined);
  // One that breaks between two statements of a transaction fails the next of them; it must not end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return overPool(translating(pool, options.label));
}

/** Which connections a catalogue draws on, so that another can draw on the same with fewer rights. */
const pools = new WeakMap<Catalogue, PostgresPool>();

/** A catalogue over `pool`, whose connections are those of `origin`. */
export function overPool(pool: PostgresPool, origin: PostgresPool = pool): Catalogue {
  const catalogue = new PooledCatalogue(pool);
  pools.set(catalogue, origin);
  return catalogue;
}

/** kysely ends the pool only where it has used it itself, and not where only others that draw on it have. */
class PooledCatalogue extends Kysely<CatalogueSchema> {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    super({ dialect: new PostgresDialect({ pool }) });
    this.#pool = pool;
  }

  override async destroy(): Promise<void> {
    await super.destroy();
    await this.#pool.end();
  }
}

export function poolOf(catalogue: Catalogue): PostgresPool {
  const pool = pools.get(catalogue);
  assert(pool !== undefined, 'the catalogue was opened here, and is no transaction');
  return pool;
}

const INT8 = pg.types.builtins.INT8;

/** int8 as number: the catalogue holds byte and row counts, which stay far below 2⁵³. The rest as `pg` has it. */
type TypeOid = Parameters<typeof pg.types.getTypeParser>[0];

function typeParser(oid: TypeOid): (value: string) => unknown {
  return oid === INT8 ? Number : (pg.types.getTypeParser(oid) as (value: string) => unknown);
}

function translating(pool: pg.Pool, label: string): PostgresPool {
  let ended: Promise<void> | null = null;
  return {
    options: pool.options,
    async connect() {
      try {
        return translatingClient(await pool.connect());
      } catch (error) {
        throw translateConnectError(error, label);
      }
    },
    // Called by kysely and by us.
    end: () => (ended ??= pool.end()),
  };
}

function translatingClient(client: pg.PoolClient): PostgresPoolClient {
  const query = async (sql: string, parameters: readonly unknown[]) => {
    try {
      return await client.query(sql, [...parameters]);
    } catch (error) {
      throw translateCatalogueError(error);
    }
  };
  return {
    // kysely's other overload takes a cursor, which needs a package that is not here.
    query: query as unknown as PostgresPoolClient['query'],
    release: (destroy) => client.release(destroy),
  };
}

/** undefined_table, invalid_schema_name, undefined_column, undefined_function. */
const STATES_OF_WHAT_IS_NOT_THERE = new Set(['42P01', '3F000', '42703', '42883']);

export function translateCatalogueError(error: unknown): CofreError {
  if (STATES_OF_WHAT_IS_NOT_THERE.has(sqlStateOf(error) ?? '')) {
    return new CofreError(
      'catalogue/not-migrated',
      'The database lacks tables or columns of the catalogue. Nothing was changed.',
      { cause: error },
    );
  }
  return translatePgError(error, { doing: 'reading or writing the catalogue' });
}
