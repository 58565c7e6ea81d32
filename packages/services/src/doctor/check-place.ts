import { CofreError } from '@cofre/contracts';
import { type Database, translatePgError } from '@cofre/postgres';
import { isAsPinned, openUnpinned } from '../repository/open-repository.ts';
import type { RepositoryContext } from '../service-context.ts';
import type { Finding } from './finding.ts';

/** Opens the repository, which proves the key, and puts and deletes an object of its own. */
export async function checkRepositoryWritable(context: RepositoryContext): Promise<Finding> {
  const repository = await openUnpinned(context);
  const { store, random } = context;
  const path = `doctor/${random.uuid()}`;
  await store.put(path, random.bytes(32));
  await store.delete(path);
  const where = `${store.url} can be read and written`;
  if (repository.encrypted) return { state: 'ok', message: `${where}; it is encrypted, and the key fits.` };
  return {
    state: 'warning',
    message: `${where}; it is not encrypted.`,
    hint: 'Whoever can read the place can read the backups. Encrypt it, unless the place itself is.',
  };
}

export async function checkPin(database: Database, context: RepositoryContext): Promise<Finding> {
  const repository = await openUnpinned(context);
  const client = await database.connect({ applicationName: 'cofre doctor' });
  try {
    const there = await client.query<{ there: boolean }>(
      `SELECT pg_catalog.to_regclass('cofre.repository_pin') IS NOT NULL AS there`,
    );
    if (there.rows[0]?.there !== true)
      return { state: 'skipped', message: 'Not looked at: there is no catalogue yet.' };
    const { rows } = await client.query<{ repository_id: string; encryption: string; root_key_ids: string[] }>(
      'SELECT repository_id, encryption, root_key_ids FROM cofre.repository_pin',
    );
    const [pin] = rows;
    if (pin === undefined) return { state: 'ok', message: 'No repository was used with this database yet.' };
    if (isAsPinned(repository, pin))
      return { state: 'ok', message: 'It is the repository that this database was used with.' };
  } catch (error) {
    throw translatePgError(error, { doing: 'reading which repository was used' });
  } finally {
    await client.end();
  }
  throw new CofreError(
    'repository/identity-changed',
    `The repository at ${repository.store.url} is not the one that this database was used with.`,
  );
}
