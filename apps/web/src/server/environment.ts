import { environmentSchema, optionalText, parseEnvironment } from '@cofre/setup';
import { z } from 'zod';
import { supabaseEnvironmentSchema } from './supabase-environment.ts';

const webEnvironmentSchema = environmentSchema.extend({
  /** Signs the cookies of sessions; default: drawn once and kept in `$COFRE_HOME/auth.secret`. The same on every machine. */
  COFRE_AUTH_SECRET: optionalText.pipe(z.string().min(32).optional()),
  ...supabaseEnvironmentSchema.shape,
});

export type WebEnvironment = z.output<typeof webEnvironmentSchema>;

let read: WebEnvironment | null = null;

/** Read once, the first time somebody asks: a build has no environment. */
export function webEnvironment(): WebEnvironment {
  read ??= parseEnvironment(webEnvironmentSchema, process.env);
  return read;
}
