import { once } from 'node:events';
import { createServer } from 'node:http';
import { BlockList } from 'node:net';
import { describe, expect, it } from 'vitest';
import { clientAddress, parseProxies, settleClientAddresses } from './client-address.ts';

const proxies = (text: string): BlockList => parseProxies(text) ?? expect.fail(`${text} was not understood`);

describe('who asks', () => {
  it('is who is connected, whatever they say, where no proxy is trusted', () => {
    const none = new BlockList();
    expect(clientAddress({ peer: '203.0.113.9', forwarded: '198.51.100.1' }, none)).toBe('203.0.113.9');
    expect(clientAddress({ peer: '127.0.0.1', forwarded: '198.51.100.1' }, none)).toBe('127.0.0.1');
    expect(clientAddress({ peer: '203.0.113.9', forwarded: undefined }, none)).toBe('203.0.113.9');
  });

  it.each([
    ['the hop before a trusted proxy', { peer: '10.0.0.7', forwarded: '198.51.100.1' }, '198.51.100.1'],
    [
      'not what the client itself sent to the proxy',
      { peer: '10.0.0.7', forwarded: '1.2.3.4, 198.51.100.1' },
      '198.51.100.1',
    ],
    ['the hop before several of them', { peer: '10.0.0.7', forwarded: '198.51.100.1, 10.2.0.1' }, '198.51.100.1'],
    ['the proxy, where it says nothing', { peer: '10.0.0.7', forwarded: undefined }, '10.0.0.7'],
    ['the proxy, where what it says is no address', { peer: '10.0.0.7', forwarded: 'unknown' }, '10.0.0.7'],
    ['an IPv6 client', { peer: '::1', forwarded: '2001:db8::5' }, '2001:db8::5'],
    [
      'the same for an IPv4 proxy on a socket of both',
      { peer: '::ffff:10.0.0.7', forwarded: '198.51.100.1' },
      '198.51.100.1',
    ],
    ['who is connected, where that is no proxy of ours', { peer: '203.0.113.9', forwarded: '10.0.0.7' }, '203.0.113.9'],
  ])('is %s', (_which, hops, expected) => {
    expect(clientAddress(hops, proxies('10.0.0.0/8, ::1'))).toBe(expected);
  });

  it('cannot be told by a list with a fault', () => {
    for (const text of ['proxy.internal', '10.0.0.0/33', '10.0.0.1;10.0.0.2', '10.0.0.1,', '::1/129', '10.0.0.0/'])
      expect(parseProxies(text), text).toBeNull();
  });

  it('is the only one left in the header when a server is handed a request', async () => {
    settleClientAddresses(new BlockList());
    const server = createServer(({ headers }, response) => response.end(headers['x-forwarded-for']));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    for (const forged of [{}, { 'x-forwarded-for': '1.2.3.4' }, { 'X-FORWARDED-FOR': '1.2.3.4, 5.6.7.8' }]) {
      const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: forged });
      expect(await answer.text()).toBe('127.0.0.1');
    }
    server.close();
  });
});
