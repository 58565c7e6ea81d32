import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';

/** The address, with each part of its path whose escapes are none (`%E0%A4%A`) standing for the letters that it has. */
export function readableAddress(address: string): string {
  const [path = '', ...search] = address.split(/(?=\?)/);
  const parts = path.split('/').map((part) => (isReadable(part) ? part : part.replaceAll('%', '%25')));
  return [parts.join('/'), ...search].join('');
}

function isReadable(part: string): boolean {
  try {
    decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}

/**
 * From now on every address that is asked for can be read. By itself Next answers others by a bare 500 before a page of ours
 * could say that there is nothing there.
 */
export function settleAddresses(): void {
  // Published by Node before anybody else is handed the request.
  subscribe('http.server.request.start', (message) => {
    const { request } = message as { readonly request: IncomingMessage };
    if (request.url !== undefined) request.url = readableAddress(request.url);
  });
}
