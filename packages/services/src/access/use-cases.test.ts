import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { CofreError } from '@cofre/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { createShop, type TestService } from '../../../../tests/support/service-context.ts';
import * as services from '../index.ts';
import { type Actor, NOBODY, type ServiceContext, USE_CASES, type UseCaseName } from '../index.ts';

const IDS = {
  ana: '11111111-1111-4111-8111-111111111111',
  vic: '22222222-2222-4222-8222-222222222222',
  cus: '33333333-3333-4333-8333-333333333333',
  eve: '44444444-4444-4444-8444-444444444444',
  nothing: '99999999-9999-4999-8999-999999999999',
};

const person = (userId: string, claims: object = {}): Actor => ({
  kind: 'person',
  userId,
  name: userId.slice(0, 4),
  claims: { role: 'authenticated', ...claims },
});

const ROLES = {
  nobody: NOBODY,
  customer: person(IDS.cus, { app_metadata: { provider: 'email' } }),
  /** Everything that people can write into their own token. */
  impostor: person(IDS.eve, {
    user_metadata: { role: 'admin', app_metadata: { role: 'admin' } },
    app_metadata: { roles: ['admin'], userrole: 'admin' },
    user_role: 'admin',
    is_admin: true,
  }),
  viewer: person(IDS.vic, { app_metadata: { role: 'viewer' } }),
  administrator: person(IDS.ana, { app_metadata: { role: 'admin' } }),
  listedAdministrator: person(IDS.ana),
  service: { kind: 'service', name: 'worker' },
  operator: { kind: 'operator', name: 'tester' },
} as const satisfies Record<string, Actor>;
type Role = keyof typeof ROLES;

/** What a role is answered: `yes` is anything but a refusal, for what is asked about may not be there. */
type Answer = 'yes' | 'not-signed-in' | 'denied' | 'not-found';

function expected(name: UseCaseName, role: Role): Answer {
  const facts: services.UseCaseFacts = USE_CASES[name];
  if (role === 'operator') return 'yes';
  if (role === 'nobody') return 'not-signed-in';
  if (facts.needs === 'operator') return role === 'customer' || role === 'impostor' ? hidden(facts) : 'denied';
  if (role === 'service' || role === 'administrator' || role === 'listedAdministrator') return 'yes';
  if (facts.needs === 'signed-in') return 'yes';
  if (role === 'viewer') return facts.needs === 'viewer' ? 'yes' : 'denied';
  return hidden(facts);
}

const hidden = (facts: services.UseCaseFacts): Answer => (facts.hides === undefined ? 'denied' : 'not-found');

type Call = (context: ServiceContext) => Promise<unknown>;

/** A call of each, that names only what is not there: those that may are answered so, and nothing is changed. */
const none = { backup: IDS.nothing };
const CALLS: Readonly<Record<UseCaseName, Call>> = {
  listBackups: (c) => services.listBackups(c, {}),
  showBackup: (c) => services.showBackup(c, none),
  showBackupDays: (c) => services.showBackupDays(c, { implementation: 'shop/none' }),
  estimateBackup: (c) => services.estimateBackup(c, { implementation: 'shop/none' }),
  createBackup: (c) => services.createBackup(c, { implementation: 'shop/none' }),
  createBackups: (c) => services.createBackups(c, { implementations: { named: ['shop/none'] } }),
  deleteBackup: (c) => services.deleteBackup(c, none),
  verifyBackup: (c) => services.verifyBackup(c, none),
  verifyAllBackups: (c) => services.verifyAllBackups(c),
  holdBackup: (c) => services.holdBackup(c, none),
  releaseBackup: (c) => services.releaseBackup(c, none),
  listBackupTables: (c) => services.listBackupTables(c, none),
  showRecentChanges: (c) => services.showRecentChanges(c, { implementation: 'shop/none' }),
  proposeBackup: (c) => services.proposeBackup(c, { implementation: 'shop/none', before: '2025-01-21T12:00:00.000Z' }),
  readBackupRows: (c) => services.readBackupRows(c, { ...none, table: 'item' }),
  exportBackup: (c) => services.exportBackup(c, { ...none, format: 'sql' }),
  diffBackups: (c) => services.diffBackups(c, { from: IDS.nothing, to: 'live' }),
  planRestore: (c) => services.planRestore(c, none),
  readPlanRows: (c) => services.readPlanRows(c, { plan: IDS.nothing, table: 'item' }),
  showPlan: (c) => services.showPlan(c, { plan: IDS.nothing }),
  applyRestore: (c) => services.applyRestore(c, { plan: IDS.nothing }),
  undoRestore: (c) => services.undoRestore(c, { restore: IDS.nothing }),
  showRestore: (c) => services.showRestore(c, { restore: IDS.nothing }),
  listRestores: (c) => services.listRestores(c, {}),
  listModules: (c) => services.listModules(c),
  showModule: (c) => services.showModule(c, { module: 'none' }),
  discoverModule: (c) => services.discoverModule(c, { root: 'public.store' }),
  applyDefinition: (c) => services.applyDefinition(c, { source: 'version: 1' }),
  listImplementations: (c) => services.listImplementations(c),
  showImplementation: (c) => services.showImplementation(c, { implementation: 'shop/none' }),
  showConfiguration: (c) => services.showConfiguration(c, { implementation: 'shop/none' }),
  addImplementation: (c) => services.addImplementation(c, { module: 'none', key: 'x' }),
  resolveSettings: (c) => services.resolveSettings(c, { implementation: 'shop/none' }),
  updateSettings: (c) => services.updateSettings(c, { place: { implementation: 'shop/none' }, set: {} }),
  simulateRetention: (c) => services.simulateRetention(c, { place: { implementation: 'shop/none' } }),
  cleanupExpiredBackups: (c) => services.cleanupExpiredBackups(c, {}),
  executeScheduledBackups: (c) => services.executeScheduledBackups(c),
  enqueueJob: (c) => services.enqueueJob(c, { kind: 'verify-backup', input: none }),
  listJobs: (c) => services.listJobs(c),
  showJob: (c) => services.showJob(c, { job: IDS.nothing }),
  cancelJob: (c) => services.cancelJob(c, { job: IDS.nothing }),
  runJob: (c) => services.runJob(c, IDS.nothing, { id: IDS.nothing }),
  drainJobs: (c) => services.drainJobs(c),
  tendJobs: (c) => services.tendJobs(c),
  announceWorker: (c) => services.announceWorker(c, { id: IDS.nothing, name: 'none', version: '0' }),
  withdrawWorker: (c) => services.withdrawWorker(c, { id: IDS.nothing }),
  readQueueFigures: (c) => services.readQueueFigures(c),
  listAdministrators: (c) => services.listAdministrators(c),
  addAdministrator: (c) => services.addAdministrator(c, { email: 'none@example.org' }),
  removeAdministrator: (c) => services.removeAdministrator(c, { email: 'none@example.org' }),
  resetAdministrators: (c) => services.resetAdministrators(c, { email: 'none@example.org' }),
  addPerson: (c) => services.addPerson(c, { email: 'cus@example.org' }),
  resetPassword: (c) => services.resetPassword(c, { email: 'none@example.org' }),
  ensureFirstAdministrator: (c) => services.ensureFirstAdministrator(c, { email: 'cus@example.org' }),
  listAuditLogs: (c) => services.listAuditLogs(c, {}),
  listNotifications: (c) => services.listNotifications(c, {}),
  markNotifications: (c) => services.markNotifications(c, { ids: [IDS.nothing] }),
  showStatistics: (c) => services.showStatistics(c, {}),
  addRecoveryFiles: (c) => services.addRecoveryFiles(c),
  initRepository: (c) => services.initRepository(c, { encryption: 'none' }),
  showRepository: (c) => services.showRepository(c),
  checkRepository: (c) => services.checkRepository(c, {}),
  importBackups: (c) => services.importBackups(c),
  collectRepositoryGarbage: (c) => services.collectRepositoryGarbage(c, { dryRun: true }),
  listKeys: (c) => services.listKeys(c),
  addKey: (c) => services.addKey(c, { newKey: { kind: 'key-file', bytes: Buffer.alloc(32) } }),
  removeKey: (c) => services.removeKey(c, { key: '9999' }),
  rotateRootKey: (c) => services.rotateRootKey(c),
  showRecoveryState: (c) => services.showRecoveryState(c),
  takeRecoveryKit: (c) => services.takeRecoveryKit(c),
  showDemoState: (c) => services.showDemoState(c),
  damageDemo: (c) => services.damageDemo(c),
};

async function answerOf(call: Promise<unknown>): Promise<{ answer: Answer; error: CofreError | null }> {
  try {
    await call;
    return { answer: 'yes', error: null };
  } catch (error) {
    if (!(error instanceof CofreError)) throw error;
    if (error.code === 'access/not-signed-in') return { answer: 'not-signed-in', error };
    if (error.code === 'access/denied') return { answer: 'denied', error };
    // What row-level security or a grant refuses is a refusal that the code should have made.
    if (error.code === 'database/not-permitted' || error.code === 'internal/bug') throw error;
    return { answer: 'yes', error };
  }
}

describe.each(testServers())('who may do what on PostgreSQL $name (I11)', (server) => {
  let db: TestDatabase;
  let service: TestService;
  beforeAll(async () => {
    db = await createTestDatabase(server, { template: 'migrated' });
    service = await createShop(db);
    for (const [name, id] of Object.entries(IDS))
      await db.query('INSERT INTO auth.users (id, email) VALUES ($1, $2)', [id, `${name}@example.org`]);
    await db.query('INSERT INTO cofre.admin_users (user_id, email) VALUES ($1, $2)', [IDS.ana, 'ana@example.org']);
    await services.addImplementation(service.context, { module: 'shop', key: 'one', scope: { store_id: 1 } });
  });
  afterAll(async () => {
    await service[Symbol.asyncDispose]();
    await db.drop();
  });
  const as = (role: Role) => service.again({ actor: ROLES[role] });

  describe.each(Object.keys(ROLES) as Role[])('%s', (role) => {
    it.each(Object.keys(USE_CASES) as UseCaseName[])('%s', async (name) => {
      const wanted = expected(name, role);
      const logged = async () =>
        (await db.query(`SELECT * FROM audit_logs WHERE action = 'ACCESS_DENIED' ORDER BY created_at`)).rows;
      const before = (await logged()).length;
      const { answer, error } = await answerOf(CALLS[name](as(role)));
      const refused = (await logged()).slice(before);
      if (wanted === 'yes') {
        expect(answer).toBe('yes');
        expect(refused).toEqual([]);
        return;
      }
      if (wanted === 'not-found') {
        // Word for word what somebody who may look is told of what is not there.
        const genuine = await answerOf(CALLS[name](as('administrator')));
        expect({ code: error?.code, message: error?.message, params: error?.params }).toEqual({
          code: genuine.error?.code,
          message: genuine.error?.message,
          params: genuine.error?.params,
        });
      } else {
        expect(answer).toBe(wanted);
      }
      // Asking for a job is refused as what it asks for.
      const useCase = name === 'enqueueJob' ? 'verifyBackup' : name;
      expect(refused).toMatchObject([{ outcome: 'refused', actor_kind: ROLES[role].kind, details: { useCase } }]);
    });
  });

  it('what is there is answered like what is not, to who may not know of it', async () => {
    const customer = as('customer');
    const said = async (call: Promise<unknown>, word: string) =>
      (await answerOf(call)).error?.message.replaceAll(word, 'X') ?? 'done';
    for (const settings of [services.resolveSettings, services.simulateRetention] as const) {
      const place = (key: string) => ({ implementation: `shop/${key}` });
      const ask = (key: string) =>
        settings === services.resolveSettings
          ? services.resolveSettings(customer, place(key))
          : services.simulateRetention(customer, { place: place(key) });
      expect(await said(ask('one'), 'shop/one')).toBe(await said(ask('none'), 'shop/none'));
    }
    expect(await said(services.createBackup(customer, { implementation: 'shop/one' }), 'shop/one')).toBe(
      await said(services.createBackup(customer, { implementation: 'shop/none' }), 'shop/none'),
    );
    expect((await db.query('SELECT FROM module_backups')).rowCount).toBe(0);
  });

  it('a person who is made an administrator, or is one no more, is that from the next call on', async () => {
    const customer = as('customer');
    await expect(services.listAuditLogs(customer, {})).rejects.toMatchObject({ code: 'access/denied' });
    await services.addAdministrator(as('administrator'), { email: 'CUS@example.org' });
    await services.listAuditLogs(customer, { action: 'ADD_ADMINISTRATOR' });
    await services.removeAdministrator(as('operator'), { email: 'cus@example.org' });
    await expect(services.listAuditLogs(customer, {})).rejects.toMatchObject({ code: 'access/denied' });
    const { items } = await services.listAuditLogs(as('administrator'), { limit: 50 });
    expect(items.filter(({ action }) => action.endsWith('_ADMINISTRATOR'))).toMatchObject([
      {
        action: 'REMOVE_ADMINISTRATOR',
        actor: { kind: 'operator', name: 'tester' },
        details: { email: 'cus@example.org' },
      },
      { action: 'ADD_ADMINISTRATOR', actor: { kind: 'person', userId: IDS.ana } },
    ]);
  });

  it('administrators cannot remove the last of them, or each other at once; the operator can begin anew', async () => {
    const administrator = as('administrator');
    await expect(services.removeAdministrator(administrator, { email: 'ana@example.org' })).rejects.toMatchObject({
      code: 'access/last-administrator',
    });
    await services.addAdministrator(administrator, { email: 'vic@example.org' });
    const both = await Promise.allSettled([
      services.removeAdministrator(administrator, { email: 'ana@example.org' }),
      services.removeAdministrator(administrator, { email: 'vic@example.org' }),
    ]);
    expect(both.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await services.listAdministrators(administrator)).toHaveLength(1);
    await services.addAdministrator(administrator, { email: 'vic@example.org' });
    await services.addAdministrator(administrator, { email: 'eve@example.org' });
    const reset = { email: 'ana@example.org' };
    await expect(services.resetAdministrators(as('operator'), reset)).rejects.toMatchObject({
      code: 'usage/confirmation-needed',
    });
    await services.resetAdministrators(as('operator'), { ...reset, confirmed: true });
    expect(await services.listAdministrators(administrator)).toMatchObject([{ email: 'ana@example.org' }]);
  });
});

/** What edges may call besides use cases: it opens, reads files, or only computes. */
const NO_USE_CASES = new Set([
  'MASK',
  'RECOVERY_PATHS',
  'NOBODY',
  'NO_BUDGET',
  'SIGN_IN_WINDOW_MS',
  'USE_CASES',
  'DEFAULT_LOCK_TIMEOUT_MS',
  'DEFAULT_READERS',
  'authorize',
  'countSignInAttempt',
  'forgetSignInAttempts',
  'hashPassword',
  'readPerson',
  'roleOf',
  'settlePassword',
  'verifyPassword',
  'logRefusal',
  'logSignInRefusal',
  'measureRepository',
  'migrate',
  'migrationStatus',
  'readBackupFigures',
  'readImplementationFigures',
  'readMigrations',
  'readOverdue',
  'readRestoreFigures',
  'requireMigrated',
  'openCatalogue',
  'openPgBossQueue',
  'listenForJobs',
  'openUnpinned',
  'pinRepository',
  'runDoctor',
  'runDemo',
  'loadDemoHistory',
  'holdsDemoOnly',
  'toCofreError',
  'toErrorDocument',
]);

describe('the list of use cases', () => {
  it('has everything that edges can call, and nothing else', () => {
    const exported = Object.keys(services).filter((name) => !NO_USE_CASES.has(name));
    expect(exported.sort()).toEqual(Object.keys(USE_CASES).sort());
  });

  it('each asks for permission under its own name', async () => {
    const root = path.resolve(import.meta.dirname, '..');
    const files = (await readdir(root, { recursive: true })).filter((file) => /^[^.]+\.ts$/.test(file));
    const texts = await Promise.all(files.map((file) => readFile(path.join(root, file), 'utf8')));
    for (const name of Object.keys(USE_CASES)) {
      const text = texts.find((it) => new RegExp(`export async function ${name}\\b`).test(it)) ?? '';
      expect(text, name).toMatch(new RegExp(`await authorize(Repository)?\\(\\s*caller,\\s*'${name}'`));
    }
  });
});
