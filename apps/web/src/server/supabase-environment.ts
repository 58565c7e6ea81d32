import { z } from 'zod';

const given = z
  .string()
  .optional()
  // An empty variable is as good as none.
  .transform((value) => (value === '' ? undefined : value));

/** Apart from the rest of the environment, because `proxy.ts` reads it and should load nothing else. */
export const supabaseEnvironmentSchema = z.object({
  /** Set: people sign in by Supabase, and nobody by a password of ours. */
  SUPABASE_URL: given.pipe(z.url().optional()),
  SUPABASE_PUBLISHABLE_KEY: given,
  /** For projects that sign their tokens by a shared secret; default: the project's public keys. */
  SUPABASE_JWT_SECRET: given.pipe(z.string().min(32).optional()),
});

/** null: people sign in by passwords of ours. */
export function supabaseProject(): { readonly url: string; readonly key: string } | null {
  const { success, data } = supabaseEnvironmentSchema.safeParse(process.env);
  const { SUPABASE_URL: url, SUPABASE_PUBLISHABLE_KEY: key } = success ? data : {};
  return url === undefined || key === undefined ? null : { url, key };
}
