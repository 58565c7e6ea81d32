import { CofreError } from '@cofre/contracts';
import type { ServiceContext } from '../service-context.ts';
import { type Damage, damageInventory } from './damage.ts';
import { isDemoLoaded } from './holds-demo-only.ts';
import { DEMO_IMPLEMENTATIONS } from './platform.ts';

export type { Damage } from './damage.ts';

/**
 * Damages the demo's platform where it is loaded, and leaves it so: for who wants to find and mend it. Tables of anybody
 * else are not touched (`demo/tables-taken`).
 */
export async function damageDemo({
  database,
}: Pick<ServiceContext, 'database'>): Promise<Damage & { readonly module: string; readonly key: string }> {
  const client = await database.connect({ applicationName: 'cofre demo' });
  try {
    const target = DEMO_IMPLEMENTATIONS.find(({ key }) => key === 'perishable');
    if (target === undefined || !(await isDemoLoaded(client)))
      throw new CofreError('demo/tables-taken', 'The demo’s platform is not loaded here. Nothing was changed.');
    const { module, key, id } = target;
    return { module, key, ...(await damageInventory(client, id)) };
  } finally {
    await client.end();
  }
}
