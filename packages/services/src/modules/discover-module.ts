import { type DiscoverModuleInput, discoverModuleInput, parseInput } from '@cofre/contracts';
import { type Discovered, discover, withSessions } from '@cofre/postgres';
import { authorize } from '../access/authorize.ts';
import type { ServiceContext } from '../service-context.ts';

/** Follows foreign keys from a table and proposes a definition that `applyDefinition` accepts. Changes nothing. */
export async function discoverModule(
  caller: Pick<ServiceContext, 'database' | 'signal' | 'catalogue' | 'actor' | 'clock'>,
  input: DiscoverModuleInput,
): Promise<Discovered> {
  const { root, name } = parseInput(discoverModuleInput, input);
  const context = await authorize(caller, 'discoverModule');
  return withSessions(context, async ({ open }) => {
    const { client } = await open('cofre discover');
    return discover(client, name === undefined ? { root } : { root, module: name });
  });
}
