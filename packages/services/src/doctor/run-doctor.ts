import type { DoctorDocument } from '@cofre/contracts';
import type { Clock } from '@cofre/engine';
import type { Database } from '@cofre/postgres';
import { type Migration, migrationStatus } from '../catalogue/migrations.ts';
import { toCofreError } from '../error-document.ts';
import type { RepositoryContext } from '../service-context.ts';
import { checkClock, checkLongTransactions, checkRole, checkServer, checkUnfinished } from './check-database.ts';
import type { Check, Finding } from './finding.ts';
import { checkPin, checkRepositoryWritable } from './check-place.ts';

export interface DoctorContext {
  readonly clock: Clock;
  readonly migrations: readonly Migration[];
  /** Each may fail; that is then what is wrong. */
  readonly database: () => Promise<{ readonly database: Database; readonly isEmbedded: boolean }>;
  readonly repository: () => Promise<RepositoryContext>;
}

/** Looks at everything a backup and a restore need, and says of each whether it is right. Changes nothing. */
export async function runDoctor(context: DoctorContext): Promise<DoctorDocument> {
  const checks: Check[] = [];
  const look = async (name: string, check: () => Promise<Finding>): Promise<boolean> => {
    const finding = await found(check);
    checks.push({ name, ...finding });
    return finding.state !== 'failed';
  };
  const reached: { readonly database: Database; readonly isEmbedded: boolean }[] = [];
  await look('database', async () => {
    const opened = await context.database();
    const finding = await checkServer(opened.database, opened.isEmbedded);
    reached.push(opened);
    return finding;
  });
  const [opened] = reached;
  if (opened === undefined) skip(checks, DATABASE_CHECKS, 'database');
  else await lookAtDatabase({ context, ...opened, look });
  const opens = await look('repository', async () => checkRepositoryWritable(await context.repository()));
  if (opens && opened !== undefined) {
    await look('repository identity', async () => checkPin(opened.database, await context.repository()));
  } else {
    skip(checks, ['repository identity'], opens ? 'database' : 'repository');
  }
  return { ok: checks.every(({ state }) => state === 'ok' || state === 'warning'), checks };
}

const DATABASE_CHECKS = ['catalogue', 'role', 'clock', 'transactions', 'unfinished backups'];

async function lookAtDatabase(input: {
  readonly context: DoctorContext;
  readonly database: Database;
  readonly isEmbedded: boolean;
  readonly look: (name: string, check: () => Promise<Finding>) => Promise<boolean>;
}): Promise<void> {
  const { context, database, isEmbedded, look } = input;
  await look('catalogue', () => checkCatalogue(database, context.migrations, isEmbedded));
  await look('role', () => checkRole(database));
  await look('clock', () => checkClock(database, context.clock));
  await look('transactions', () => checkLongTransactions(database));
  await look('unfinished backups', () => checkUnfinished(database));
}

function skip(checks: Check[], names: readonly string[], because: string): void {
  for (const name of names) checks.push({ name, state: 'skipped', message: `Not looked at: ${because} failed.` });
}

async function found(check: () => Promise<Finding>): Promise<Finding> {
  try {
    return await check();
  } catch (error) {
    const { message, hint } = toCofreError(error);
    return { state: 'failed', message, hint };
  }
}

async function checkCatalogue(
  database: Database,
  migrations: readonly Migration[],
  isEmbedded: boolean,
): Promise<Finding> {
  const status = await migrationStatus(database, migrations);
  const pending = status.filter(({ state }) => state === 'pending').length;
  if (pending === 0) return { state: 'ok', message: `All ${status.length} migrations are applied.` };
  if (isEmbedded) return { state: 'ok', message: 'The next command that needs it makes it.' };
  return {
    state: 'failed',
    message: `${pending} of ${status.length} migrations are not applied yet.`,
    hint: 'Run `cofre db migrate`.',
  };
}
