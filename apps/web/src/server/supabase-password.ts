import { CofreError } from '@cofre/contracts';
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import type { PasswordChange } from './sessions.ts';

interface Account {
  readonly url: string;
  readonly key: string;
  /** Of who is signed in, from a token that was verified. */
  readonly email: string;
  /** Acts as that person, by the cookies of the request. */
  readonly client: Pick<SupabaseClient, 'auth'>;
}

/**
 * Supabase itself changes a password for whoever holds a session. Here somebody who found a browser signed in does not get
 * far: the current password is tried first, in a session of its own, and afterwards every other session has ended.
 */
export async function changeSupabasePassword(account: Account, { current, next }: PasswordChange): Promise<void> {
  const { url, key, email, client } = account;
  if (current === next) throw refused();
  const trial = createClient(url, key, { auth: { persistSession: false, autoRefreshToken: false } });
  const { error: wrong } = await trial.auth.signInWithPassword({ email, password: current });
  if (wrong !== null) throw failure(wrong);
  const { error } = await client.auth.updateUser({ password: next });
  // Its own session is not needed any more, whatever came of the change.
  if (error !== null) {
    await trial.auth.signOut({ scope: 'local' });
    throw failure(error);
  }
  await client.auth.signOut({ scope: 'others' });
}

function refused(cause?: unknown): CofreError {
  return new CofreError('access/password-refused', 'The password was not changed.', { cause });
}

function failure(error: { readonly status?: number | undefined }): CofreError {
  const { status } = error;
  if (status === 429)
    return new CofreError('access/too-many-attempts', 'Too many attempts. The password was not changed.');
  if (status !== undefined && status >= 400 && status < 500) return refused(error);
  return new CofreError('access/sign-in-unavailable', 'Supabase cannot be reached. The password was not changed.', {
    cause: error,
  });
}
