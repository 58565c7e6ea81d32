const FIRST_PAGE = '/admin/modules';

/** The way to sign in, and from there back to the page that asked for it. */
export function signInPath(back: unknown): string {
  return doorPath('/sign-in', back);
}

/** The way to choose a password in the place of a one-time password, and from there back. */
export function newPasswordPath(back: unknown): string {
  return doorPath('/new-password', back);
}

function doorPath(door: string, back: unknown): string {
  const to = wayBack(back);
  return to === FIRST_PAGE ? door : `${door}?${new URLSearchParams({ to })}`;
}

/** Where to go after signing in: back to where one was. An address that somebody made up must not lead out of here. */
export function wayBack(asked: unknown): string {
  if (typeof asked !== 'string' || !asked.startsWith('/admin/')) return FIRST_PAGE;
  const { origin, pathname, search } = new URL(asked, INSIDE);
  return origin === INSIDE && pathname.startsWith('/admin/') ? `${pathname}${search}` : FIRST_PAGE;
}

const INSIDE = 'http://inside.invalid';
