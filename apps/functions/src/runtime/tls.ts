import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';

/**
 * `node:tls` for `pg`, which begins TLS on a connection that it has, and waits for that one to be closed. In Deno 2.1 it
 * never is: TLS takes it over, and only what came of it is closed.
 */
export function connect(options: ConnectionOptions): TLSSocket {
  const secure = connectTls(options);
  secure.once('close', () => options.socket?.destroy());
  return secure;
}
