import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { tokenVerifier } from './verify-token.ts';

const URL_OF_PROJECT = 'https://project.supabase.co';
const SECRET = 'a-shared-secret-of-at-least-32-letters';
const SUB = '11111111-1111-4111-8111-111111111111';
const CLAIMS = { role: 'authenticated', email: 'ana@example.org', app_metadata: { role: 'admin' } };

const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' };
const keys = createLocalJWKSet({ keys: [jwk] });
const byKeys = tokenVerifier({ url: `${URL_OF_PROJECT}/`, keys });
const bySecret = tokenVerifier({ url: URL_OF_PROJECT, jwtSecret: SECRET });

function token(claims: object = {}): SignJWT {
  return new SignJWT({ ...CLAIMS, ...claims })
    .setSubject(SUB)
    .setIssuer(`${URL_OF_PROJECT}/auth/v1`)
    .setAudience('authenticated')
    .setIssuedAt()
    .setExpirationTime('1h');
}
const signed = (made: SignJWT) => made.setProtectedHeader({ alg: 'ES256', kid: 'one' }).sign(privateKey);
const secretBytes = new TextEncoder().encode(SECRET);

describe('a token of Supabase', () => {
  it('that is in order is a person, with its claims', async () => {
    const person = { kind: 'person', userId: SUB, name: 'ana@example.org' };
    expect(await byKeys(await signed(token()))).toMatchObject(person);
    const shared = await token().setProtectedHeader({ alg: 'HS256' }).sign(secretBytes);
    expect(await bySecret(shared)).toMatchObject({ ...person, claims: { app_metadata: { role: 'admin' } } });
  });

  it('is nobody when it is over, from elsewhere, for others, or says no end', async () => {
    for (const made of [
      token().setExpirationTime('1h ago'),
      token().setIssuer('https://evil.example/auth/v1'),
      token().setAudience('anon'),
      token().setNotBefore('1h'),
      token({ role: 'service_role' }),
      token({ role: 'anon' }),
      token({ is_anonymous: true }),
      token().setSubject('not-an-id'),
      new SignJWT(CLAIMS).setSubject(SUB).setIssuer(`${URL_OF_PROJECT}/auth/v1`).setAudience('authenticated'),
    ])
      expect(await byKeys(await signed(made))).toBeNull();
  });

  it('is nobody when it is signed by nobody, by another, or by the public key as if it were a secret', async () => {
    const unsigned = new UnsecuredJWT(CLAIMS)
      .setSubject(SUB)
      .setIssuer(`${URL_OF_PROJECT}/auth/v1`)
      .setAudience('authenticated')
      .setExpirationTime('1h')
      .encode();
    const stranger = await generateKeyPair('ES256');
    const foreign = await token().setProtectedHeader({ alg: 'ES256', kid: 'one' }).sign(stranger.privateKey);
    const confused = await token()
      .setProtectedHeader({ alg: 'HS256', kid: 'one' })
      .sign(new TextEncoder().encode(JSON.stringify(jwk)));
    const [header = '', payload = ''] = (await signed(token())).split('.');
    for (const bad of [unsigned, foreign, confused, `${header}.${payload}.`, 'x.y.z', '']) {
      expect(await byKeys(bad)).toBeNull();
      expect(await bySecret(bad)).toBeNull();
    }
    expect(await bySecret(await signed(token()))).toBeNull();
  });
});
