import { CofreError } from '@cofre/contracts';
import { createServerClient } from '@supabase/ssr';
import { cookies } from 'next/headers';
import { isHttps } from './request-facts.ts';
import type { SignedIn, Sessions } from './sessions.ts';
import { changeSupabasePassword } from './supabase-password.ts';
import { tokenVerifier } from './verify-token.ts';

interface Options {
  readonly url: string;
  readonly key: string | undefined;
  readonly jwtSecret: string | undefined;
}

/** People and passwords are Supabase's. Its cookies carry a token, which is verified here before a claim is believed. */
export function supabaseSessions({ url, key, jwtSecret }: Options): Sessions {
  if (key === undefined) {
    throw new CofreError(
      'usage/invalid',
      'SUPABASE_URL is set and SUPABASE_PUBLISHABLE_KEY is not. Nothing was started.',
    );
  }
  const verify = tokenVerifier({ url, jwtSecret });

  const client = async () => {
    const jar = await cookies();
    const secure = await isHttps();
    return createServerClient(url, key, {
      cookieOptions: { httpOnly: true, sameSite: 'lax', secure, path: '/' },
      cookies: {
        getAll: () => jar.getAll(),
        setAll: (all) => {
          for (const { name, value, options } of all) {
            try {
              jar.set(name, value, { ...options, httpOnly: true, secure });
            } catch {
              // A page is being rendered, which cannot set cookies; `proxy.ts` has renewed them before.
            }
          }
        },
      },
    });
  };

  return {
    async read(): Promise<SignedIn | null> {
      // What the cookie says is only carried here; nothing of it is believed before the token is verified.
      const { data } = await (await client()).auth.getSession();
      const token = data.session?.access_token;
      const person = token === undefined ? null : await verify(token);
      return person === null ? null : { person, mustChangePassword: false };
    },
    async signIn({ email, password }) {
      const { error } = await (await client()).auth.signInWithPassword({ email, password });
      if (error === null) return;
      if (error.status === 429)
        throw new CofreError('access/too-many-attempts', 'Too many attempts to sign in. Nobody was signed in.');
      if (error.status !== undefined && error.status < 500)
        throw new CofreError(
          'access/sign-in-refused',
          'The address and the password do not fit. Nobody was signed in.',
        );
      throw new CofreError('access/sign-in-unavailable', 'Supabase cannot be reached. Nobody was signed in.', {
        cause: error,
      });
    },
    async signOut() {
      await (await client()).auth.signOut({ scope: 'local' });
    },
    async changePassword(change) {
      const own = await client();
      const { data } = await own.auth.getSession();
      const token = data.session?.access_token;
      const person = token === undefined ? null : await verify(token);
      if (person === null) throw new CofreError('access/not-signed-in', 'Nobody is signed in. Nothing was changed.');
      await changeSupabasePassword({ url, key, email: person.name, client: own }, change);
    },
  };
}
