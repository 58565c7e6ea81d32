import { NOBODY, readPerson, roleOf } from '@cofre/services';
import type { Viewer } from '#server/viewer.ts';
import { currentHost } from '../host.ts';

/**
 * In the place of `#server/viewer.ts`. The application says who is signed in; what they may do is read from what only servers
 * write, so that it cannot be granted by what an application hands on.
 */
export async function getViewer(): Promise<Viewer> {
  const host = currentHost();
  const [service, userId] = await Promise.all([host.service(), host.userId()]);
  const person = userId === null ? null : await readPerson(service.catalogue, userId);
  if (person === null) return { actor: NOBODY, role: 'nobody', mustChangePassword: false };
  return { actor: person, role: await roleOf({ ...service, actor: person }), mustChangePassword: false };
}
