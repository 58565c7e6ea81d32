import type { Person } from '@cofre/services';
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { z } from 'zod';

export interface TokenIssuer {
  /** The project's address: `https://<project>.supabase.co`. */
  readonly url: string;
  /** Set: tokens are signed by this; else by the keys that the project publishes. */
  readonly jwtSecret?: string | undefined;
  /** For tests. */
  readonly keys?: JWTVerifyGetKey;
}

/** What a token must say of itself; only people's tokens do. */
const personClaims = z.looseObject({
  sub: z.uuid(),
  role: z.literal('authenticated'),
  email: z.string().optional(),
  is_anonymous: z.literal(false).optional(),
});

/** Tokens of another clock are let be early by so much. */
const CLOCK_TOLERANCE_SECONDS = 5;

/** Signed by keys that are published: never `none`, and never a shared secret passed off as a public key. */
const PUBLIC_KEY_ALGORITHMS = ['ES256', 'RS256', 'EdDSA'];

/** Verifies a token of Supabase and gives who it is of; null: it is not valid, for whatever reason. */
export function tokenVerifier({ url, jwtSecret, keys }: TokenIssuer): (token: string) => Promise<Person | null> {
  const issuer = `${url.replace(/\/$/, '')}/auth/v1`;
  const demanded = {
    issuer,
    audience: 'authenticated',
    requiredClaims: ['exp', 'sub'],
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
  };
  const published = keys ?? createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
  const verify = async (token: string): Promise<JWTPayload> => {
    if (jwtSecret === undefined)
      return (await jwtVerify(token, published, { ...demanded, algorithms: PUBLIC_KEY_ALGORITHMS })).payload;
    const secret = new TextEncoder().encode(jwtSecret);
    return (await jwtVerify(token, secret, { ...demanded, algorithms: ['HS256'] })).payload;
  };
  return async (token) => {
    try {
      const claims = personClaims.parse(await verify(token));
      return { kind: 'person', userId: claims.sub, name: claims.email ?? claims.sub, claims };
    } catch (error) {
      const isRefused = error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout);
      if (isRefused || error instanceof z.ZodError) return null;
      throw error;
    }
  };
}
