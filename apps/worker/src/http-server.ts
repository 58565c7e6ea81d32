import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CofreError } from '@cofre/contracts';

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface HttpOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** By path. */
  readonly pages: Readonly<Record<string, () => Promise<Answer>>>;
}

export interface RunningHttp extends AsyncDisposable {
  readonly url: string;
}

/** Who asks for health and metrics asks often and gives up soon. */
const REQUEST_TIMEOUT_MS = 10_000;

/** Answers GET and HEAD on a few pages; knows no session, reads no body. Throws `usage/invalid` where nobody can listen there. */
export async function startHttp({ host, port, pages }: HttpOptions): Promise<RunningHttp> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    void answer(request, pages).then((page) => send(request, response, page));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(`${host}:${port}`, error)));
    server.listen(port, host, resolve);
  });
  return { url: urlOf(server), [Symbol.asyncDispose]: () => close(server) };
}

function cannotListen(where: string, error: NodeJS.ErrnoException): CofreError {
  const reason = error.code === 'EADDRINUSE' ? 'somebody else does' : (error.code ?? 'unknown');
  return new CofreError('usage/invalid', `Nobody can listen at ${where}: ${reason}. Nothing was started.`, {
    params: { address: where, reason: error.code ?? '' },
    hint: 'Choose another one with --port and --host; port 0 takes any that is free.',
    cause: error,
  });
}

export function json(status: number, document: unknown): Answer {
  return { status, contentType: 'application/json; charset=utf-8', body: `${JSON.stringify(document)}\n` };
}

async function answer(request: IncomingMessage, pages: HttpOptions['pages']): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return json(405, { error: 'only GET and HEAD' });
  const path = (request.url ?? '/').replace(/[?#].*$/, '');
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  if (page === undefined) return json(404, { error: 'no such page', pages: Object.keys(pages) });
  try {
    return await page();
  } catch {
    return json(500, { error: 'the page could not be made' });
  }
}

function send(request: IncomingMessage, response: ServerResponse, { status, contentType, body }: Answer): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo; // it listens on a port
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
