import { recoveryKitDocument, recoveryStateDocument } from '@cofre/contracts';
import { MemoryStore } from '@cofre/storage';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createTestService, type TestServiceOptions } from '../../../../tests/support/service-context.ts';
import { listAuditLogs } from '../audit/list-audit-logs.ts';
import { initRepository } from '../repository/init-repository.ts';
import { showRecoveryState } from './show-recovery-state.ts';
import { takeRecoveryKit } from './take-recovery-kit.ts';

const KEY_FILE = { kind: 'key-file', bytes: Buffer.alloc(32, 0xa7) } as const;
const PASSPHRASE = { kind: 'passphrase', passphrase: 'correct horse battery' } as const;

describe.each(costlyTestServers())('the recovery kit on PostgreSQL $name', (server) => {
  const made: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of made.splice(0).reverse()) await end();
  });

  async function service(options: TestServiceOptions) {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(() => db.drop());
    const built = await createTestService(db, options);
    made.push(async () => built[Symbol.asyncDispose]());
    // As a backup would: from then on it is known which repository is used.
    await built.context.openRepository();
    return built;
  }

  it('is due in an encrypted set-up until it is taken, and holds the key and where the backups are', async () => {
    const { context } = await service({ key: KEY_FILE });
    expect(recoveryStateDocument.parse(await showRecoveryState(context))).toEqual({ due: true, keyKind: 'key-file' });
    const kit = recoveryKitDocument.parse(await takeRecoveryKit(context));
    expect(kit.key).toEqual({ kind: 'key-file', hex: 'a7'.repeat(32) });
    const opened = await context.openRepository();
    expect(kit).toMatchObject({
      madeFor: 'tester',
      repository: { id: opened.id, url: opened.store.url, encryption: 'aes-256-gcm' },
    });
    expect(await showRecoveryState(context)).toEqual({ due: false, keyKind: 'key-file' });
  });

  it('hands the key out once, also to two who ask at the same time, and who had it is logged without it', async () => {
    const { context, again } = await service({ key: KEY_FILE });
    const asked = await Promise.allSettled([takeRecoveryKit(context), takeRecoveryKit(again())]);
    expect(asked.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    await expect(takeRecoveryKit(context)).rejects.toMatchObject({ code: 'repository/kit-taken' });
    const { items } = await listAuditLogs(context, { action: 'TAKE_RECOVERY_KIT' });
    expect(items).toMatchObject([{ outcome: 'done', actor: { name: 'tester' }, details: { key: 'key-file' } }]);
    expect(JSON.stringify(items)).not.toContain('a7a7');
  });

  it('never holds a passphrase, and without a secret can be had again', async () => {
    const { context } = await service({ key: PASSPHRASE });
    const first = await takeRecoveryKit(context);
    expect(first.key).toEqual({ kind: 'passphrase' });
    expect(JSON.stringify(first)).not.toContain('correct horse');
    expect((await takeRecoveryKit(context)).repository).toEqual(first.repository);
  });

  it('is not asked for where nothing is encrypted', async () => {
    const { context } = await service({});
    expect(await showRecoveryState(context)).toEqual({ due: false, keyKind: 'none' });
    expect((await takeRecoveryKit(context)).key).toEqual({ kind: 'none' });
  });

  it('is due again when another repository took the place of the one that it was for', async () => {
    const { context, again } = await service({ key: KEY_FILE });
    await takeRecoveryKit(context);
    const store = new MemoryStore();
    const { id } = await initRepository({ ...context, store }, {});
    const moved = again({ store, accepted: { id, encryption: 'aes-256-gcm' } });
    await moved.openRepository();
    expect(await showRecoveryState(moved)).toMatchObject({ due: true });
  });
});
