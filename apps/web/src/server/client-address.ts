import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv6 } from 'node:net';

/** Addresses (`10.0.0.7`) and networks (`10.0.0.0/8`) of proxies in front of us; null: the text is no list of these. */
export function parseProxies(text: string): BlockList | null {
  const trusted = new BlockList();
  for (const entry of text.split(',').map((it) => it.trim())) {
    const [address = '', prefix] = entry.split('/');
    if (isIP(address) === 0) return null;
    const family = familyOf(address);
    if (prefix === undefined) trusted.addAddress(address, family);
    else if (/^\d{1,3}$/.test(prefix) && Number(prefix) <= BITS[family])
      trusted.addSubnet(address, Number(prefix), family);
    else return null;
  }
  return trusted;
}

const BITS = { ipv4: 32, ipv6: 128 } as const;

const familyOf = (address: string) => (isIPv6(address) ? 'ipv6' : 'ipv4');

interface Hops {
  /** Who is connected to us. */
  readonly peer: string;
  /** For whom the peer says that it asks, the client first: `X-Forwarded-For`. */
  readonly forwarded: string | undefined;
}

/**
 * Who really asks: the last hop that is not one of our proxies. What hops before it say can be made up by anybody.
 */
export function clientAddress({ peer, forwarded = '' }: Hops, trusted: BlockList): string {
  let client = plain(peer);
  const said = forwarded.split(',').map((it) => plain(it.trim()));
  while (isIP(client) !== 0 && trusted.check(client, familyOf(client))) {
    const before = said.pop();
    if (before === undefined || isIP(before) === 0) break;
    client = before;
  }
  return client;
}

/** An IPv4 address as a socket for both versions has it is the same address. */
function plain(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped ?? address;
}

/**
 * From now on `X-Forwarded-For` of every request that this process gets is one address: who really asks. Next hands on
 * headers and no sockets, and leaves a header alone that a client sent, so it is put right before Next sees it.
 */
export function settleClientAddresses(trusted: BlockList): void {
  // Published by Node before anybody else is handed the request.
  subscribe('http.server.request.start', (message) => {
    const { request } = message as { readonly request: IncomingMessage };
    const { remoteAddress: peer } = request.socket;
    const forwarded = request.headers['x-forwarded-for'];
    // Who has gone already has no address, and gets no answer.
    if (peer === undefined) delete request.headers['x-forwarded-for'];
    else request.headers['x-forwarded-for'] = clientAddress({ peer, forwarded: String(forwarded ?? '') }, trusted);
  });
}
