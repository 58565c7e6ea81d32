import type { Web } from '#server/compose.ts';
import { currentHost } from '../host.ts';

/** In the place of `#server/compose.ts`: the host has sessions of its own. */
export async function compose(): Promise<Pick<Web, 'service'>> {
  return { service: await currentHost().service() };
}
