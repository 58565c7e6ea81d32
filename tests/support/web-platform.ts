import {
  addImplementation,
  addPerson,
  applyDefinition,
  createBackup,
  loadDemoHistory,
  type ServiceContext,
  settlePassword,
} from '../../packages/services/src/index.ts';
import { DEMO_DEFINITIONS } from '../../packages/services/src/demo/definitions.ts';
import { loadDemo } from '../../packages/services/src/demo/load-demo.ts';
import type { TestDatabase } from './database.ts';
import { loadShop, SHOP_DEFINITION } from './service-context.ts';

/**
 * What there is to see. `shop`: two stores, one of them backed up; ready at once. `demo`: the demo's sixteen companies, one
 * implementation backed up. `month`: the same after thirty days of use, as `./script/server` shows it; takes longest.
 */
export type Platform = 'shop' | 'demo' | 'month';

/** Where a test begins: an implementation and the newest backup of it. */
export interface Place {
  readonly module: string;
  readonly key: string;
  readonly backupId: string;
}

/** Fills a migrated database and an empty repository. */
export async function loadPlatform(platform: Platform, db: TestDatabase, context: ServiceContext): Promise<Place> {
  switch (platform) {
    case 'shop':
      await loadShop(db);
      await applyDefinition(context, { source: SHOP_DEFINITION });
      await addImplementation(context, { module: 'shop', key: 'one', name: 'Store One', scope: { store_id: 1 } });
      await addImplementation(context, { module: 'shop', key: 'two', name: 'Store Two', scope: { store_id: 2 } });
      return backUp(context, 'shop', 'one');
    case 'demo':
      await loadDemo(db.database);
      for (const source of Object.values(DEMO_DEFINITIONS)) await applyDefinition(context, { source });
      return backUp(context, 'inventory', 'perishable');
    case 'month':
      await loadDemoHistory(context);
      return backUp(context, 'inventory', 'perishable');
  }
}

async function backUp(context: ServiceContext, module: string, key: string): Promise<Place> {
  const { id } = await createBackup(context, { implementation: `${module}/${key}` });
  return { module, key, backupId: id };
}

/** Everybody who ever looks: `newcomer` is an administrator who has to choose a password first. */
export const PEOPLE = {
  administrator: 'administrator',
  viewer: 'viewer',
  customer: 'customer',
  newcomer: 'administrator',
} as const;
export type PersonName = keyof typeof PEOPLE;

export interface Account {
  readonly userId: string;
  readonly email: string;
  readonly password: string;
}
export type Accounts = Readonly<Record<PersonName, Account>>;

export async function addPeople(context: ServiceContext): Promise<Accounts> {
  return {
    administrator: await addSettled(context, 'administrator'),
    viewer: await addSettled(context, 'viewer'),
    customer: await addSettled(context, 'customer'),
    newcomer: await add(context, 'newcomer'),
  };
}

async function add(context: ServiceContext, name: PersonName): Promise<Account> {
  const added = await addPerson(context, { email: `${name}@example.com`, role: PEOPLE[name] });
  return { userId: added.userId, email: added.email, password: added.oneTimePassword };
}

/** As after the first time, without choosing another password. */
async function addSettled(context: ServiceContext, name: PersonName): Promise<Account> {
  const account = await add(context, name);
  await settlePassword(context, account.userId);
  return account;
}
