import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

/** What proves a caller. With none of them nobody is let in. */
export interface Secrets {
  /** Made for Cofre alone: what pg_cron sends. */
  readonly cronSecret: string | undefined;
  /** The platform's older key: a JWT of the role `service_role`. */
  readonly serviceRoleKey: string | undefined;
  /** The platform's newer keys, which are no JWTs. */
  readonly secretKeys: readonly string[];
}

type Variables = Readonly<Record<string, string | undefined>>;

/** `{"default": "sb_secret_…"}` as the platform gives it, or a list of keys. */
const secretKeysSchema = z.union([
  z.record(z.string(), z.string()).transform((keys) => Object.values(keys)),
  z.array(z.string()),
]);

/** Never fails: a variable that cannot be read lets nobody in. `readEnvironment` names it to those whom another one lets in. */
export function readSecrets(variables: Variables): Secrets {
  return {
    cronSecret: variables['COFRE_CRON_SECRET'] || undefined,
    serviceRoleKey: variables['SUPABASE_SERVICE_ROLE_KEY'] || undefined,
    secretKeys: parseSecretKeys(variables['SUPABASE_SECRET_KEYS']) ?? [],
  };
}

/** Null: it is set, and is no JSON of keys. */
export function parseSecretKeys(text: string | undefined): readonly string[] | null {
  if (text === undefined || text === '') return [];
  try {
    return secretKeysSchema.parse(JSON.parse(text)).filter((key) => key !== '');
  } catch {
    return null;
  }
}

/** Whether a request proves its caller: `Authorization: Bearer …` or `apikey: …`. */
export function isAuthentic(headers: Headers, secrets: Secrets, now: Date): boolean {
  const token = /^bearer +(.+)$/i.exec(headers.get('authorization') ?? '')?.[1];
  const key = headers.get('apikey') ?? undefined;
  const { cronSecret, serviceRoleKey, secretKeys } = secrets;
  // All are compared, so that the time tells nothing of which was nearest.
  const matches = [
    isSame(token, cronSecret),
    isSame(token, serviceRoleKey) && serviceRoleKey !== undefined && isInForce(serviceRoleKey, now),
    ...secretKeys.map((secret) => isSame(key, secret)),
  ];
  return matches.includes(true);
}

/** Compares digests, which are of one length, in a time that depends on neither. */
function isSame(given: string | undefined, secret: string | undefined): boolean {
  const same = timingSafeEqual(digest(given ?? ''), digest(secret ?? ''));
  return same && given !== undefined && secret !== undefined && secret !== '';
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

const jwtHeader = z.object({ alg: z.string() });
const jwtClaims = z.object({ role: z.string(), exp: z.number().optional() });

/**
 * The key is known to be the configured one; what is left to ask is whether that one is any good: signed at all, for this
 * role (the public `anon` key in its place would let everybody in), and not past its end.
 */
function isInForce(key: string, now: Date): boolean {
  const parts = key.split('.');
  // The newer keys have no parts and no end.
  if (parts.length !== 3) return parts.length === 1;
  const header = jwtHeader.safeParse(decodePart(parts[0]));
  const claims = jwtClaims.safeParse(decodePart(parts[1]));
  if (!header.success || !claims.success || parts[2] === '') return false;
  if (header.data.alg.toLowerCase() === 'none' || claims.data.role !== 'service_role') return false;
  return claims.data.exp === undefined || claims.data.exp * 1000 > now.getTime();
}

function decodePart(part: string | undefined): unknown {
  try {
    return JSON.parse(Buffer.from(part ?? '', 'base64url').toString('utf8'));
  } catch {
    return null;
  }
}
