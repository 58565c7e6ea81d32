import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createClient } from '@supabase/supabase-js';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { changeSupabasePassword } from './supabase-password.ts';

/** A stand-in for Supabase's sign-in with one account. */
const password = 'the old password';
let answers = { token: 200, user: 200 };
let asked: { readonly path: string; readonly as: string | undefined; readonly body: Record<string, unknown> }[] = [];
let server: Server;
let url = '';

const user = { id: '11111111-1111-4111-8111-111111111111', aud: 'authenticated', email: 'ana@example.org' };

function sessionOf(id: string) {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = `${part({ alg: 'HS256' })}.${part({ sub: user.id, session: id, exp: 9_999_999_999 })}.c2ln`;
  return { access_token: token, refresh_token: id, token_type: 'bearer', expires_in: 3600, user };
}

beforeAll(async () => {
  server = createServer((request, response) => {
    void (async () => {
      const text = Buffer.concat(await request.toArray()).toString();
      const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
      const path = request.url?.split('?')[0] ?? '';
      const scope = new URL(request.url ?? '', url).searchParams.get('scope');
      if (request.method !== 'GET')
        asked.push({ path: scope === null ? path : `${path} ${scope}`, as: request.headers.authorization, body });
      const isSignIn = path.endsWith('/token');
      const status = isSignIn
        ? body['password'] === password
          ? answers.token
          : 400
        : request.method === 'GET'
          ? 200
          : answers.user;
      const answer = isSignIn ? sessionOf('trial') : user;
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(status === 200 ? answer : { code: status, msg: 'no' }));
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
});
afterAll(() => server.close());
beforeEach(() => {
  answers = { token: 200, user: 200 };
  asked = [];
});

/** As somebody whose cookies hold a session. */
async function change(current: string, next: string): Promise<void> {
  const client = createClient(url, 'publishable', { auth: { persistSession: false, autoRefreshToken: false } });
  const { access_token, refresh_token } = sessionOf('own');
  await client.auth.setSession({ access_token, refresh_token });
  await changeSupabasePassword({ url, key: 'publishable', email: user.email, client }, { current, next });
}

it('a password is changed by who knows the present one, and every other session ends', async () => {
  await change('the old password', 'a much longer new one');
  expect(asked.map(({ path }) => path)).toEqual(['/auth/v1/token', '/auth/v1/user', '/auth/v1/logout others']);
  expect(asked[1]?.body).toMatchObject({ password: 'a much longer new one' });
  // By the session of the browser, which stays; not by the one that tried the password.
  expect(asked[2]?.as).toBe(`Bearer ${sessionOf('own').access_token}`);
});

it('a session alone does not change it: with a wrong present password nothing is asked for', async () => {
  await expect(change('a guess', 'a much longer new one')).rejects.toMatchObject({ code: 'access/password-refused' });
  expect(asked.map(({ path }) => path)).toEqual(['/auth/v1/token']);
});

it('the same password again is refused without asking', async () => {
  await expect(change('the old password', 'the old password')).rejects.toMatchObject({
    code: 'access/password-refused',
  });
  expect(asked).toEqual([]);
});

it('a new password that Supabase refuses ends the session that was tried, and no other', async () => {
  answers = { token: 200, user: 422 };
  await expect(change('the old password', 'short')).rejects.toMatchObject({ code: 'access/password-refused' });
  expect(asked.map(({ path }) => path)).toEqual(['/auth/v1/token', '/auth/v1/user', '/auth/v1/logout local']);
  expect(asked[2]?.as).toBe(`Bearer ${sessionOf('trial').access_token}`);
});

it.each([
  [429, 'access/too-many-attempts'],
  [503, 'access/sign-in-unavailable'],
])('an answer of %i is %s', async (status, code) => {
  answers = { token: status, user: 200 };
  await expect(change('the old password', 'a much longer new one')).rejects.toMatchObject({ code });
});
