import { BlockList } from 'node:net';
import { environmentSchema, optionalText, parseEnvironment } from '@cofre/setup';
import { z } from 'zod';
import { parseProxies } from './client-address.ts';
import { supabaseEnvironmentSchema } from './supabase-environment.ts';

const webEnvironmentSchema = environmentSchema.extend({
  /** Signs the cookies of sessions; default: drawn once and kept in `$COFRE_HOME/auth.secret`. The same on every machine. */
  COFRE_AUTH_SECRET: optionalText.pipe(z.string().min(32).optional()),
  /** `10.0.0.7, 10.1.0.0/16`: who may say for whom they ask (`X-Forwarded-For`); default: nobody. */
  COFRE_TRUSTED_PROXIES: optionalText.transform((text, { issues }) => {
    const trusted = text === undefined ? new BlockList() : parseProxies(text);
    if (trusted !== null) return trusted;
    issues.push({ code: 'custom', input: text, message: 'is a list of addresses and networks: 10.0.0.7, 10.1.0.0/16' });
    return z.NEVER;
  }),
  ...supabaseEnvironmentSchema.shape,
});

export type WebEnvironment = z.output<typeof webEnvironmentSchema>;

let read: WebEnvironment | null = null;

/** Read once, the first time somebody asks: a build has no environment. */
export function webEnvironment(): WebEnvironment {
  read ??= parseEnvironment(webEnvironmentSchema, process.env);
  return read;
}
