import { headers } from 'next/headers';

/** Where `proxy.ts` notes it: pages are not told their own address. What a browser sends by this name is overwritten there. */
export const ASKED_ADDRESS_HEADER = 'x-cofre-address';

/** Path and search of the page that was asked for; null where nothing stands in front of the pages. */
export async function askedAddress(): Promise<string | null> {
  return (await headers()).get(ASKED_ADDRESS_HEADER);
}
