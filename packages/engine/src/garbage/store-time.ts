import { missing } from '../format/pack.ts';
import type { Repository } from '../repository/repository.ts';
import type { ObjectKind } from '../repository/types.ts';

/**
 * Puts an object whose only meaning is when it was put, and gives that time by the store's own clock: a client's may be
 * wrong, and two clients' differ.
 */
export async function putForItsTime(
  repository: Repository,
  { path, kind }: { readonly path: string; readonly kind: ObjectKind },
): Promise<Date> {
  await repository.putObject(path, kind, Buffer.from(JSON.stringify({ format: 1 }), 'utf8'));
  const info = await repository.store.stat(path);
  if (info === null) throw missing(path);
  return info.modifiedAt;
}
