import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { MemoryStore, nodeCodecs, systemClock, systemRandom } from '@cofre/storage';
import { describe, expect, it } from 'vitest';
import { checkRepository } from '../repository/check-repository.ts';
import { initRepository } from '../repository/init-repository.ts';
import type { RepositoryContext } from '../service-context.ts';
import { addRecoveryFiles } from './add-recovery-files.ts';
import { isPublished, RECOVERY_PATHS, type RecoveryFile } from './recovery-files.ts';

const checkout = path.resolve(import.meta.dirname, '../../../..');
const READER = 'recovery/cofre-reader-1.mjs';

async function recoveryFiles(): Promise<RecoveryFile[]> {
  const folder = path.join(checkout, 'apps/reader/recovery');
  return Promise.all(
    RECOVERY_PATHS.map(async (file) => ({ path: file, bytes: await readFile(path.join(folder, path.basename(file))) })),
  );
}

function contextOf(store: MemoryStore): RepositoryContext {
  const ports = { codecs: nodeCodecs, clock: systemClock, random: systemRandom };
  return { ...ports, store, key: { kind: 'none' }, accepted: null, recoveryFiles };
}

async function made(): Promise<{ store: MemoryStore; context: RepositoryContext }> {
  const store = new MemoryStore();
  const context = contextOf(store);
  await initRepository(context, { encryption: 'none' });
  return { store, context };
}

describe('what a repository holds for the day when everything else is lost', () => {
  it('is what was published, by its hash, which the documentation names', async () => {
    for (const file of await recoveryFiles()) expect([file.path, isPublished(file)]).toEqual([file.path, true]);
    const reader = await readFile(path.join(checkout, 'apps/reader', READER));
    const format = await readFile(path.join(checkout, 'docs/format.md'), 'utf8');
    expect(format).toContain(createHash('sha256').update(reader).digest('hex'));
  });

  it('is put into a new repository, which is sound', async () => {
    const { store, context } = await made();
    for (const { path: object, bytes } of await recoveryFiles())
      expect(Buffer.from(await store.get(object)).equals(bytes)).toBe(true);
    expect(await checkRepository(context, {})).toMatchObject({ ok: true, damage: [] });
  });

  it.each([
    ['a reader that was swapped', READER],
    ['words that were swapped', 'RECOVERY.md'],
    ['a program beside it that nobody published', 'recovery/cofre-reader-9.mjs'],
    ['words beside them', 'RECOVERY.html'],
  ])('is found to be somebody else’s: %s', async (_, object) => {
    const { store, context } = await made();
    await store.put(object, Buffer.from('console.log("passphrase?")'));
    expect(await checkRepository(context, {})).toMatchObject({
      ok: false,
      damage: [{ object, kind: 'recovery-file-not-published', backups: [] }],
    });
  });

  it('is added to a repository that was made without, and never replaces what is there (I4)', async () => {
    const store = new MemoryStore();
    const context = contextOf(store);
    await initRepository({ ...context, recoveryFiles: undefined }, { encryption: 'none' });
    expect(await checkRepository(context, {})).toMatchObject({ ok: true });
    const other = Buffer.from('other');
    await store.put('RECOVERY.md', other);
    expect(await addRecoveryFiles(context)).toEqual({ added: [READER], present: ['RECOVERY.md'] });
    expect(Buffer.from(await store.get('RECOVERY.md')).equals(other)).toBe(true);
    expect((await addRecoveryFiles(context)).added).toEqual([]);
    await expect(addRecoveryFiles({ ...context, recoveryFiles: undefined })).rejects.toMatchObject({
      code: 'usage/not-available-yet',
    });
  });

  it('is not put where a repository is already', async () => {
    const { store, context } = await made();
    for (const object of RECOVERY_PATHS) await store.delete(object);
    await expect(initRepository(context, { encryption: 'none' })).rejects.toMatchObject({ code: 'repository/exists' });
    expect(await store.stat('RECOVERY.md')).toBeNull();
  });
});
