import { type DiscoverModuleInput, discoverModuleInput, parseInput } from '@cofre/contracts';
import { discover, withSessions } from '@cofre/postgres';
import type { ServiceContext } from '../service-context.ts';

export interface DiscoveredModule {
  /** A definition that `applyDefinition` accepts, with row counts and open questions in comments. */
  readonly yaml: string;
  /** What could not be decided, and which way the safer reading went. */
  readonly undecided: readonly string[];
}

/** Follows foreign keys from a table and proposes a definition. Changes nothing. */
export async function discoverModule(
  context: Pick<ServiceContext, 'database' | 'signal'>,
  input: DiscoverModuleInput,
): Promise<DiscoveredModule> {
  const { root, name } = parseInput(discoverModuleInput, input);
  return withSessions(context, async ({ open }) => {
    const { client } = await open('cofre discover');
    return discover(client, name === undefined ? { root } : { root, module: name });
  });
}
