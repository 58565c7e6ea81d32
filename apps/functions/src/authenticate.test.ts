import { describe, expect, it } from 'vitest';
import { isAuthentic, parseSecretKeys, readSecrets } from './authenticate.ts';

const NOW = new Date('2025-02-01T12:00:00Z');
const inSeconds = (seconds: number) => Math.floor(NOW.getTime() / 1000) + seconds;

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
function jwt(claims: object, options: { readonly alg?: string; readonly signature?: string } = {}): string {
  const { alg = 'HS256', signature = 'c2lnbmF0dXJl' } = options;
  return `${encode({ alg, typ: 'JWT' })}.${encode(claims)}.${signature}`;
}

const CLAIMS = { iss: 'supabase', ref: 'ourproject', role: 'service_role', exp: inSeconds(3600) };
const SERVICE_KEY = jwt(CLAIMS);
const VARIABLES = {
  COFRE_CRON_SECRET: 'cron secret',
  SUPABASE_SERVICE_ROLE_KEY: SERVICE_KEY,
  SUPABASE_SECRET_KEYS: '{"default":"sb_secret_one","second":"sb_secret_two"}',
};

function lets(headers: Record<string, string>, variables: Readonly<Record<string, string>> = VARIABLES): boolean {
  return isAuthentic(new Headers(headers), readSecrets(variables), NOW);
}
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('who may call a function', () => {
  it.each([
    ['the secret of pg_cron', bearer('cron secret')],
    ['the same, however the scheme is written', { authorization: 'bearer  cron secret' }],
    ['the key of the service role', bearer(SERVICE_KEY)],
    ['a secret key', { apikey: 'sb_secret_one' }],
    ['another secret key', { apikey: 'sb_secret_two' }],
    ['a right key beside a wrong token', { ...bearer('nonsense'), apikey: 'sb_secret_one' }],
    ['a right token beside the public key', { ...bearer('cron secret'), apikey: 'sb_publishable_x' }],
  ])('%s opens', (_name, headers) => {
    expect(lets(headers)).toBe(true);
  });

  it.each([
    ['nothing', {}],
    ['an empty token', { authorization: 'Bearer ' }],
    ['another scheme', { authorization: 'Basic cron secret' }],
    ['the secret with no scheme', { authorization: 'cron secret' }],
    ['a beginning of the secret', bearer('cron secre')],
    ['the secret and more', bearer('cron secret.')],
    ['the secret in other letters', bearer('CRON SECRET')],
    ['a secret key as a token', bearer('sb_secret_one')],
    ['the secret of pg_cron as a key', { apikey: 'cron secret' }],
    ['the name of a key', { apikey: 'default' }],
    ['an empty key', { apikey: '' }],
    ['a token with no signature and alg none', bearer(jwt(CLAIMS, { alg: 'none', signature: '' }))],
    ['the same with a signature', bearer(jwt(CLAIMS, { alg: 'none' }))],
    ['a forged signature', bearer(jwt(CLAIMS, { signature: 'Zm9yZ2Vk' }))],
    ['the key of another project', bearer(jwt({ ...CLAIMS, ref: 'otherproject' }))],
    ['an expired one', bearer(jwt({ ...CLAIMS, exp: inSeconds(-1) }))],
    ['the anonymous role', bearer(jwt({ ...CLAIMS, role: 'anon' }))],
    ['a token of a million signs', bearer('x'.repeat(1_000_000))],
  ])('%s does not', (_name, headers) => {
    expect(lets(headers)).toBe(false);
  });

  it.each([
    ['has expired', jwt({ ...CLAIMS, exp: inSeconds(0) })],
    ['is not signed', jwt(CLAIMS, { alg: 'none' })],
    ['is not signed, in other letters', jwt(CLAIMS, { alg: 'NONE' })],
    ['has an empty signature', jwt(CLAIMS, { signature: '' })],
    ['is the public one', jwt({ ...CLAIMS, role: 'anon' })],
    ['has an end that is no number', jwt({ ...CLAIMS, exp: 'never' })],
    ['is no JWT, and has dots', 'a.b.c'],
    ['has two parts', 'a.b'],
  ])('a service key that %s opens nothing, though it is the configured one', (_name, key) => {
    expect(lets(bearer(key), { SUPABASE_SERVICE_ROLE_KEY: key })).toBe(false);
  });

  it('a service key without an end does not expire, and a newer one is no JWT', () => {
    const { exp: _exp, ...endless } = CLAIMS;
    for (const key of [jwt(endless), 'sb_secret_three']) {
      expect(lets(bearer(key), { SUPABASE_SERVICE_ROLE_KEY: key })).toBe(true);
    }
  });

  it('without any secret nobody is let in', () => {
    for (const variables of [
      {},
      { COFRE_CRON_SECRET: '', SUPABASE_SERVICE_ROLE_KEY: '', SUPABASE_SECRET_KEYS: '' },
      { SUPABASE_SECRET_KEYS: '{}' },
      { SUPABASE_SECRET_KEYS: '[""]' },
      { SUPABASE_SECRET_KEYS: '{"default":""}' },
    ]) {
      for (const headers of [{}, bearer(''), { authorization: 'Bearer' }, { apikey: '' }, bearer('undefined')]) {
        expect(lets(headers, variables)).toBe(false);
      }
    }
  });

  it('keys are a JSON object or a list; what is neither lets nobody in, and does not lock out who has another secret', () => {
    expect(parseSecretKeys('["a","b"]')).toEqual(['a', 'b']);
    for (const broken of ['sb_secret_one', '{"default":1}', '[', '"sb_secret_one"', 'null']) {
      expect(parseSecretKeys(broken)).toBeNull();
      const variables = { SUPABASE_SECRET_KEYS: broken, COFRE_CRON_SECRET: 'cron secret' };
      expect(lets({ apikey: broken }, variables)).toBe(false);
      expect(lets(bearer('cron secret'), variables)).toBe(true);
    }
  });
});
