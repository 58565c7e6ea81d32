import { CofreError, PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN } from '@cofre/contracts';
import {
  countSignInAttempt,
  forgetSignInAttempts,
  hashPassword,
  readPerson,
  type ServiceContext,
  settlePassword,
  SIGN_IN_WINDOW_MS,
  verifyPassword,
} from '@cofre/services';
import { betterAuth } from 'better-auth';
import { parseSetCookieHeader, toCookieOptions } from 'better-auth/cookies';
import { cookies, headers } from 'next/headers';
import pg from 'pg';
import { isHttps } from './request-facts.ts';
import type { Sessions, SignedIn } from './sessions.ts';
import { SIGN_IN_TABLES } from './sign-in-tables.ts';

interface Options {
  readonly service: ServiceContext;
  readonly databaseUrl: string;
  readonly secret: string;
}

/** A session ends a day after signing in, whatever was done meanwhile. */
const SESSION_SECONDS = 24 * 60 * 60;

/** better-auth is called from here alone and never over HTTP, so its own address is one that leads nowhere. */
const INSIDE = 'http://cofre.internal';

/** From one address; each account is counted besides (`countSignInAttempt`). */
const ATTEMPTS_FROM_ADDRESS = { window: 60, max: 20 };
/** Within a quarter of an hour: a whole office that signs out. */
const OTHER_CALLS_FROM_ADDRESS = 1000;

/** Passwords and sessions of our own, by better-auth, in schema `cofre_auth`. */
export function passwordSessions({ service, databaseUrl, secret }: Options): Sessions {
  const auth = makeAuth({ service, databaseUrl, secret });

  const read = async (): Promise<SignedIn | null> => {
    const asked = await headers();
    const found = await auth.api.getSession({ headers: asked }).catch((error: unknown) => unavailable(service, error));
    if (found === null) return null;
    const person = await readPerson(service.catalogue, found.user.id);
    return person === null ? null : { person, mustChangePassword: found.user.mustChangePassword };
  };

  /** Through the router, because only what comes that way is held to the limits; then its cookies are ours to set. */
  const ask = async (path: string, body: object): Promise<Response> => {
    const asked = new Headers(await headers());
    for (const name of ['content-length', 'content-encoding', 'transfer-encoding']) asked.delete(name);
    asked.set('content-type', 'application/json');
    asked.set('origin', INSIDE);
    const request = new Request(`${INSIDE}/api/auth${path}`, {
      method: 'POST',
      headers: asked,
      body: JSON.stringify(body),
    });
    const response = await auth.handler(request);
    await keepCookies(response);
    return response;
  };

  return {
    read,
    async signIn({ email, password }) {
      await countSignInAttempt(service, email);
      const response = await ask('/sign-in/email', { email, password });
      if (response.status === 429) throw tooMany();
      if (!response.ok) throw await refusal(response);
      await forgetSignInAttempts(service, email);
    },
    async signOut() {
      await ask('/sign-out', {});
    },
    async changePassword({ current, next }) {
      const signedIn = await read();
      if (signedIn === null) throw new CofreError('access/not-signed-in', 'Nobody is signed in. Nothing was changed.');
      if (current === next) throw passwordRefused();
      const response = await ask('/change-password', {
        currentPassword: current,
        newPassword: next,
        revokeOtherSessions: true,
      });
      if (response.status === 429) throw tooMany();
      if (!response.ok) throw passwordRefused();
      await settlePassword({ ...service, actor: signedIn.person }, signedIn.person.userId);
    },
  };
}

/** The library does not say why it could not look. Where the database is away, the catalogue says so. */
async function unavailable({ catalogue, random }: ServiceContext, cause: unknown): Promise<never> {
  await readPerson(catalogue, random.uuid());
  throw new CofreError('access/sign-in-unavailable', 'It could not be looked up who is signed in.', { cause });
}

function makeAuth({ service, databaseUrl, secret }: Options) {
  return betterAuth({
    baseURL: INSIDE,
    basePath: '/api/auth',
    secret,
    trustedOrigins: [INSIDE],
    database: new pg.Pool({
      connectionString: databaseUrl,
      application_name: 'cofre sign-in',
      // Its tables are named without their schema.
      options: '-c search_path=cofre_auth',
      max: 4,
    }).on('error', () => undefined),
    emailAndPassword: {
      enabled: true,
      // People are made by administrators.
      disableSignUp: true,
      minPasswordLength: PASSWORD_LENGTH_MIN,
      maxPasswordLength: PASSWORD_LENGTH_MAX,
      password: {
        hash: (password) => hashPassword(password, service.random),
        verify: ({ password, hash }) => verifyPassword(password, hash),
      },
    },
    ...SIGN_IN_TABLES,
    session: { ...SIGN_IN_TABLES.session, expiresIn: SESSION_SECONDS, disableSessionRefresh: true },
    rateLimit: {
      enabled: true,
      storage: 'database',
      // Of whatever has no rule of its own. What is older than the longest window of all is cleared away, and the counts of
      // accounts stand in the same table.
      window: SIGN_IN_WINDOW_MS / 1000,
      max: OTHER_CALLS_FROM_ADDRESS,
      modelName: 'rate_limits',
      fields: { lastRequest: 'last_request' },
      customRules: { '/sign-in/email': ATTEMPTS_FROM_ADDRESS, '/change-password': ATTEMPTS_FROM_ADDRESS },
    },
    advanced: {
      cookiePrefix: 'cofre',
      // Decided for each answer by how it was asked for (`keepCookies`).
      useSecureCookies: false,
      database: { generateId: () => service.random.uuid() },
    },
    telemetry: { enabled: false },
    logger: { level: 'error' },
  });
}

async function keepCookies(response: Response): Promise<void> {
  const line = response.headers.get('set-cookie');
  if (line === null) return;
  const jar = await cookies();
  const secure = await isHttps();
  for (const [name, attributes] of parseSetCookieHeader(line)) {
    const { maxAge, path = '/' } = toCookieOptions(attributes);
    jar.set(name, attributes.value, {
      path,
      httpOnly: true,
      sameSite: 'lax',
      secure,
      ...(maxAge === undefined ? {} : { maxAge }),
    });
  }
}

function tooMany(): CofreError {
  return new CofreError('access/too-many-attempts', 'Too many attempts to sign in. Nobody was signed in.');
}

function passwordRefused(): CofreError {
  return new CofreError('access/password-refused', 'The password was not changed.');
}

async function refusal(response: Response): Promise<CofreError> {
  if (response.status === 401 || response.status === 400)
    return new CofreError('access/sign-in-refused', 'The address and the password do not fit. Nobody was signed in.');
  return new CofreError('internal/bug', `Signing in answered ${response.status}: ${await response.text()}`);
}
