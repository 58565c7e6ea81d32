import { createHash } from 'node:crypto';
import { CofreError } from '@cofre/contracts';
import { sql } from 'kysely';
import type { ServiceContext } from '../service-context.ts';

/** So many wrong passwords for one account within the window; then it waits. Addresses that ask are counted besides. */
const ATTEMPTS_MAX = 10;
/** Whoever clears old counts away leaves those of this time. */
export const SIGN_IN_WINDOW_MS = 15 * 60_000;

type Counter = Pick<ServiceContext, 'catalogue' | 'clock'>;

/**
 * Counts an attempt before the password is looked at, so that many at once cannot slip through. The same answer whether
 * the account exists or not. Throws `access/too-many-attempts`.
 */
export async function countSignInAttempt({ catalogue, clock }: Counter, email: string): Promise<void> {
  const now = clock.now().getTime();
  const { rows } = await sql<{ count: number }>`
    INSERT INTO cofre_auth.rate_limits AS r (key, count, last_request) VALUES (${keyOf(email)}, 1, ${now})
    ON CONFLICT (key) DO UPDATE SET
      count = CASE WHEN r.last_request <= ${now - SIGN_IN_WINDOW_MS} THEN 1 ELSE r.count + 1 END,
      -- What is refused does not make the wait longer: an account cannot be locked by somebody else for good.
      last_request = CASE WHEN r.last_request > ${now - SIGN_IN_WINDOW_MS} AND r.count >= ${ATTEMPTS_MAX} THEN r.last_request ELSE ${now} END
    RETURNING r.count`.execute(catalogue);
  if ((rows[0]?.count ?? 0) <= ATTEMPTS_MAX) return;
  throw new CofreError('access/too-many-attempts', 'Too many attempts to sign in. Nobody was signed in.', {
    params: { minutes: SIGN_IN_WINDOW_MS / 60_000 },
  });
}

/** After the right password the count begins anew. */
export async function forgetSignInAttempts({ catalogue }: Pick<Counter, 'catalogue'>, email: string): Promise<void> {
  await sql`DELETE FROM cofre_auth.rate_limits WHERE key = ${keyOf(email)}`.execute(catalogue);
}

/** Hashed: what people type by mistake into the field of the address may be a password. */
function keyOf(email: string): string {
  return `account:${createHash('sha256').update(email.trim().toLowerCase()).digest('base64url')}`;
}
