import { doctorDocument } from '@cofre/contracts';
import { MemoryStore, nodeCodecs, readOnly, systemClock, systemRandom } from '@cofre/storage';
import { describe, expect, it } from 'vitest';
import path from 'node:path';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { readMigrations } from '../catalogue/migrations.ts';
import { initRepository } from '../repository/init-repository.ts';
import type { RepositoryContext } from '../service-context.ts';
import { type DoctorContext, runDoctor } from './run-doctor.ts';

const migrations = await readMigrations(path.resolve(import.meta.dirname, '../../../../supabase/migrations'));

function place(overrides: Partial<RepositoryContext> = {}): RepositoryContext {
  return {
    store: new MemoryStore(),
    codecs: nodeCodecs,
    key: { kind: 'none' },
    clock: systemClock,
    random: systemRandom,
    accepted: null,
    ...overrides,
  };
}

async function examine(db: TestDatabase, repository: RepositoryContext, overrides: Partial<DoctorContext> = {}) {
  const document = await runDoctor({
    clock: systemClock,
    migrations,
    database: () => Promise.resolve({ database: db.database, isEmbedded: false }),
    repository: () => Promise.resolve(repository),
    ...overrides,
  });
  doctorDocument.parse(document);
  return {
    ok: document.ok,
    states: Object.fromEntries(document.checks.map(({ name, state }) => [name, state])),
    document,
  };
}

describe.each(costlyTestServers())('doctor on PostgreSQL $name', (server) => {
  it('finds nothing wrong where nothing is, and leaves nothing behind', async () => {
    const db = await createTestDatabase(server, { template: 'migrated' });
    const repository = place({ key: { kind: 'passphrase', passphrase: 'correct horse' } });
    await initRepository(repository, {});
    const { ok, states } = await examine(db, repository);
    expect(states).toEqual({
      database: 'ok',
      catalogue: 'ok',
      role: 'ok',
      clock: 'ok',
      transactions: expect.stringMatching(/ok|warning/), // Other tests of this server may hold one open.
      'unfinished backups': 'ok',
      repository: 'ok',
      'repository identity': 'ok',
    });
    expect(ok).toBe(true);
    for await (const { path: object } of repository.store.list('')) expect(object).not.toContain('doctor');
    await db.drop();
  });

  it('names what is missing, and looks at the rest all the same', async () => {
    const db = await createTestDatabase(server);
    const { ok, states, document } = await examine(db, place());
    expect(ok).toBe(false);
    expect(states).toMatchObject({
      database: 'ok',
      catalogue: 'failed',
      role: 'ok',
      repository: 'failed',
      'repository identity': 'skipped',
    });
    expect(document.checks.find(({ name }) => name === 'catalogue')?.hint).toContain('db migrate');
    await db.drop();
  });

  it('a clock that is off, a store that is read-only, a repository that is another than before', async () => {
    const db = await createTestDatabase(server, { template: 'migrated' });
    const repository = place();
    await initRepository(repository, { encryption: 'none' });
    const slow = { now: () => new Date(systemClock.now().getTime() - 600_000) };
    expect((await examine(db, repository, { clock: slow })).states).toMatchObject({
      clock: 'warning',
      repository: 'warning',
    });
    expect((await examine(db, { ...repository, store: readOnly(repository.store) })).states).toMatchObject({
      repository: 'failed',
    });
    await db.query(
      `INSERT INTO cofre.repository_pin (repository_id, encryption, root_key_ids, url) VALUES (gen_random_uuid(), 'aes-256-gcm', '{a}', 'memory:')`,
    );
    expect((await examine(db, repository)).states).toMatchObject({ 'repository identity': 'failed' });
    await db.drop();
  });
});
