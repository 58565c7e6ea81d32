import { CofreError } from '@cofre/contracts';
import { z } from 'zod';

/** An empty variable is as good as none: that is how shells and compose files unset one. */
export const optionalText = z
  .string()
  .optional()
  .transform((value) => (value === '' ? undefined : value));

export const environmentSchema = z.object({
  DATABASE_URL: optionalText,
  COFRE_HOME: optionalText,
  COFRE_REPOSITORY: optionalText,
  COFRE_PASSPHRASE: optionalText,
  COFRE_KEY_FILE: optionalText,
  COFRE_LOG: optionalText.pipe(z.enum(['debug', 'info', 'warn', 'error']).default('info')),
});

/** What every edge reads from its environment (`surface.md`, *Environment*). */
export type Environment = z.output<typeof environmentSchema>;

type Variables = Readonly<Record<string, string | undefined>>;

export function readEnvironment(variables: Variables): Environment {
  return parseEnvironment(environmentSchema, variables);
}

/** For an edge with variables of its own, whose schema extends `environmentSchema`. Every fault is named at once. */
export function parseEnvironment<Extended extends Environment>(
  schema: z.ZodType<Extended>,
  variables: Variables,
): Extended {
  const result = schema.safeParse(variables);
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
