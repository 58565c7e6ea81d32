import { headers } from 'next/headers';

/** Whether the browser spoke TLS, to us or to the proxy in front. */
export async function isHttps(): Promise<boolean> {
  return (await headers()).get('x-forwarded-proto')?.split(',')[0]?.trim() === 'https';
}

/** The address in the network that asks, as `client-address.ts` settled it; null where nobody settles it. */
export async function askedFrom(): Promise<string | null> {
  return (await headers()).get('x-forwarded-for');
}

/**
 * Whether a request that changes something came from a page of ours. Next compares the two where a browser sent an origin;
 * here one must be there.
 */
export async function isFromOurPages(): Promise<boolean> {
  const given = await headers();
  const origin = given.get('origin');
  const host = given.get('x-forwarded-host') ?? given.get('host');
  if (origin === null || host === null || !URL.canParse(origin)) return false;
  return new URL(origin).host === host;
}
