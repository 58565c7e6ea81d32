import { createServer } from 'node:net';
import { CofreError } from '@cofre/contracts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Throws `serve/port-taken` where somebody listens there already. Browsers try `localhost` by IPv6 first, so who listens on
 * that side alone would be seen in our place.
 */
export async function requireFreePort({ host, port }: Address): Promise<void> {
  const hosts = host === '127.0.0.1' ? [host, '::1'] : [host];
  for (const side of hosts) {
    const code = await tryToListen({ host: side, port });
    // This machine may have no IPv6.
    if (code === null || (side !== host && code !== 'EADDRINUSE')) continue;
    throw code === 'EADDRINUSE'
      ? new CofreError('serve/port-taken', `Somebody listens on port ${port} already. Nothing was started.`, {
          params: { port },
        })
      : new CofreError('usage/invalid', `${host} port ${port} cannot be listened on (${code}). Nothing was started.`);
  }
}

/** What the operating system says against it; null: nothing. */
function tryToListen({ host, port }: Address): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve('code' in error ? String(error.code) : error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}
