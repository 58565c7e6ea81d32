import type { Person } from '@cofre/services';

/** Who is signed in, as the server knows it: verified, with claims that people cannot change. */
export interface SignedIn {
  readonly person: Person;
  /** Signed in by a one-time password: nothing else can be done before it is changed. */
  readonly mustChangePassword: boolean;
}

export interface Credentials {
  readonly email: string;
  readonly password: string;
}

export interface PasswordChange {
  readonly current: string;
  readonly next: string;
}

/**
 * How people sign in: by passwords that we keep, or by Supabase. Each reads and writes the cookies of the request that is
 * being answered; what writes them may be called by actions only.
 */
export interface Sessions {
  /** null: nobody, or nobody any more. */
  read(): Promise<SignedIn | null>;
  /** Throws `access/sign-in-refused`, `access/too-many-attempts`. */
  signIn(credentials: Credentials): Promise<void>;
  signOut(): Promise<void>;
  /** Ends every other session of the person. Throws `access/password-refused`. */
  changePassword(change: PasswordChange): Promise<void>;
}
