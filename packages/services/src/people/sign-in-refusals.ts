import { sql } from 'kysely';
import { audit } from '../audit/audit.ts';
import type { ServiceContext } from '../service-context.ts';
import { SIGN_IN_WINDOW_MS } from './sign-in-attempts.ts';

export interface SignInRefusal {
  /** As it was typed. */
  readonly email: string;
  /** The address in the network that asked; null: it is not known. */
  readonly from: string | null;
  /** Of the error that the person got. */
  readonly code: string;
}

type Context = Pick<ServiceContext, 'catalogue' | 'clock' | 'actor'>;

/**
 * Logs that somebody was not signed in: within a window the 1st time for each person, the 10th, the 100th, with the count,
 * and so for all that is no person's address together. Whoever guesses is seen and cannot fill the log.
 */
export async function logSignInRefusal(context: Context, { email, from, code }: SignInRefusal): Promise<void> {
  const person = await personOf(context, email);
  const refusals = await countRefusal(context, person?.id ?? 'nobody');
  if (!isPowerOfTen(refusals)) return;
  await audit(context, {
    action: 'SIGN_IN_REFUSED',
    outcome: 'refused',
    ...(person === null ? {} : { resource: { type: 'person', id: person.id } }),
    // What is nobody's address may be a password that was typed into the wrong field, and is not kept, not even hashed.
    details: { code, from, email: person?.email ?? null, refusals },
  });
}

interface Named {
  readonly id: string;
  readonly email: string;
}

async function personOf({ catalogue }: Context, email: string): Promise<Named | null> {
  const { rows } = await sql<Named>`
    SELECT id, email FROM auth.users
    WHERE pg_catalog.lower(email) = ${email.trim().toLowerCase()} AND deleted_at IS NULL LIMIT 1`.execute(catalogue);
  return rows[0] ?? null;
}

/** Beside the counts of attempts, which are cleared away when they are old. The window begins with the first refusal. */
async function countRefusal({ catalogue, clock }: Context, whose: string): Promise<number> {
  const now = clock.now().getTime();
  const over = now - SIGN_IN_WINDOW_MS;
  const { rows } = await sql<{ count: number }>`
    INSERT INTO cofre_auth.rate_limits AS r (key, count, last_request) VALUES (${`refused:${whose}`}, 1, ${now})
    ON CONFLICT (key) DO UPDATE SET
      count = CASE WHEN r.last_request <= ${over} THEN 1 ELSE r.count + 1 END,
      last_request = CASE WHEN r.last_request <= ${over} THEN ${now} ELSE r.last_request END
    RETURNING r.count`.execute(catalogue);
  return rows[0]?.count ?? 0;
}

function isPowerOfTen(count: number): boolean {
  return /^10*$/.test(String(count));
}
