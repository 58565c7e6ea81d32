import { cache } from 'react';
import { type AccessRole, type Actor, NOBODY, roleOf, type ServiceContext } from '@cofre/services';
import { redirect } from 'next/navigation';
import { newPasswordPath, signInPath } from '#lib/way-back.ts';
import { askedAddress } from './asked-address.ts';
import { compose } from './compose.ts';

/** Who looks at the page that is being made. */
export interface Viewer {
  readonly actor: Actor;
  readonly role: AccessRole;
  readonly mustChangePassword: boolean;
}

/** Asked once for each request, however many parts of the page want to know. */
export const getViewer = cache(async (): Promise<Viewer> => {
  const { service, sessions } = await compose();
  const signedIn = await sessions.read();
  if (signedIn === null) return { actor: NOBODY, role: 'nobody', mustChangePassword: false };
  const { person, mustChangePassword } = signedIn;
  return { actor: person, role: await roleOf({ ...service, actor: person }), mustChangePassword };
});

/** True for who may see anything at all. */
export function mayEnter({ role, mustChangePassword }: Viewer): boolean {
  return (role === 'administrator' || role === 'viewer') && !mustChangePassword;
}

export interface Entered extends Viewer {
  readonly service: ServiceContext;
  readonly isAdministrator: boolean;
}

/**
 * The first thing in every protected page: gives who looks and the context of use cases in their name, or sends them to
 * sign in, and from there back: to `back`, where that is not the page itself. Whoever may not enter is sent the same way,
 * whatever they asked for.
 */
export async function requireViewer(back?: string): Promise<Entered> {
  const viewer = await getViewer();
  const isNew = viewer.mustChangePassword && viewer.role !== 'nobody';
  if (isNew || !mayEnter(viewer)) redirect((isNew ? newPasswordPath : signInPath)(back ?? (await askedAddress())));
  const { service } = await compose();
  return { ...viewer, service: { ...service, actor: viewer.actor }, isAdministrator: viewer.role === 'administrator' };
}
