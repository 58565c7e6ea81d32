const FIRST_PAGE = '/admin/modules';

/** Where signing in leads back to whoever had to sign in again. */
export function signInPath(back: string): string {
  return `/sign-in?${new URLSearchParams({ to: back })}`;
}

/** Where to go after signing in: back to where one was. An address that somebody made up must not lead out of here. */
export function wayBack(asked: unknown): string {
  if (typeof asked !== 'string' || !asked.startsWith('/admin/')) return FIRST_PAGE;
  const { origin, pathname, search } = new URL(asked, INSIDE);
  return origin === INSIDE && pathname.startsWith('/admin/') ? `${pathname}${search}` : FIRST_PAGE;
}

const INSIDE = 'http://inside.invalid';
