import { CofreError } from '@cofre/contracts';
import { z } from 'zod';

/** An empty variable is as good as none: that is how shells and compose files unset one. */
const text = z
  .string()
  .optional()
  .transform((value) => (value === '' ? undefined : value));

const environmentSchema = z.object({
  DATABASE_URL: text,
  COFRE_HOME: text,
  COFRE_REPOSITORY: text,
  COFRE_PASSPHRASE: text,
  COFRE_KEY_FILE: text,
  COFRE_LOG: text.pipe(z.enum(['debug', 'info', 'warn', 'error']).default('info')),
});

/** What `cofre` reads from its environment, and nothing else (`surface.md`, *Environment*). */
export type Environment = z.output<typeof environmentSchema>;

export function readEnvironment(variables: Readonly<Record<string, string | undefined>>): Environment {
  const result = environmentSchema.safeParse(variables);
  if (result.success) {
    const { COFRE_PASSPHRASE: passphrase, COFRE_KEY_FILE: keyFile } = result.data;
    if (passphrase === undefined || keyFile === undefined) return result.data;
    throw new CofreError('usage/invalid', 'COFRE_PASSPHRASE and COFRE_KEY_FILE are both set. Nothing was started.', {
      hint: 'Unset the one that does not belong to this repository.',
    });
  }
  const faults = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new CofreError('usage/invalid', `The environment has faults: ${faults.join('; ')}. Nothing was started.`, {
    params: { faults },
  });
}
