import { randomUUID } from 'node:crypto';
import type { RepositoryKey } from '../../packages/engine/src/index.ts';
import { addImplementation, type ServiceContext, updateSettings } from '../../packages/services/src/index.ts';
import { openStore, systemClock } from '../../packages/storage/src/index.ts';
import { createTestDatabase, type TestDatabase, type TestServer } from './database.ts';
import { createShop } from './service-context.ts';
import { type S3TestServer, s3Address } from './s3-server.ts';

export interface FunctionShop extends AsyncDisposable {
  readonly db: TestDatabase;
  /** The use cases as Node has them, on the same database and bucket; another process each time. */
  node(): ServiceContext;
  /** What a function needs to reach both. */
  readonly variables: Readonly<Record<string, string>>;
  /** Makes everything that has a schedule due. */
  makeDue(): Promise<void>;
}

export const CRON_SECRET = 'the secret that pg_cron sends';
export const AUTHORIZED = { authorization: `Bearer ${CRON_SECRET}` };

export interface FunctionShopOptions {
  readonly key?: RepositoryKey;
  /** Stores of the shop that are backed up, `s1` … `sn`. */
  readonly implementations?: number;
}

/** The shop in a bucket, each store an implementation that the settings have backed up every hour. */
export async function createFunctionShop(
  server: TestServer,
  s3: S3TestServer,
  options: FunctionShopOptions = {},
): Promise<FunctionShop> {
  const { key = { kind: 'none' }, implementations = 2 } = options;
  const db = await createTestDatabase(server, { template: 'migrated' });
  const address = s3Address(s3, `shop-${randomUUID()}`);
  const store = openStore(address, { s3: { credentials: s3.credentials } });
  const service = await createShop(db, { store, key });
  const node = () => service.again({ clock: systemClock });
  await db.query(`INSERT INTO public.store SELECT i, 'Store ' || i FROM generate_series(3, $1::int) AS i`, [
    implementations,
  ]);
  const context = node();
  for (let id = 1; id <= implementations; id += 1) {
    await addImplementation(context, { module: 'shop', key: `s${id}`, scope: { store_id: id } });
  }
  await updateSettings(context, { place: {}, set: { schedule: '0 * * * *' } });
  return {
    db,
    node,
    variables: {
      DATABASE_URL: db.url,
      COFRE_REPOSITORY: address,
      AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
      COFRE_CRON_SECRET: CRON_SECRET,
      ...keyVariables(key),
    },
    makeDue: async () => {
      await db.query(`UPDATE cofre.implementation_settings SET next_backup_at = now() - interval '1 minute'`);
    },
    async [Symbol.asyncDispose]() {
      await service[Symbol.asyncDispose]();
      await db.drop();
    },
  };
}

function keyVariables(key: RepositoryKey): Readonly<Record<string, string>> {
  switch (key.kind) {
    case 'none':
      return {};
    case 'passphrase':
      return { COFRE_PASSPHRASE: key.passphrase };
    case 'key-file':
      return { COFRE_KEY: Buffer.from(key.bytes).toString('hex') };
  }
}
