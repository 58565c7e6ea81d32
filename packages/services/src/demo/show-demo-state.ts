import type { DemoStateDocument } from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import type { ServiceContext } from '../service-context.ts';
import { demoTarget } from './damage-demo.ts';
import { holdsDemoOnly } from './holds-demo-only.ts';

/** Whether `damageDemo` would be carried out, for edges that offer it. Decides nothing. */
export async function showDemoState(
  caller: Pick<ServiceContext, 'catalogue' | 'actor' | 'clock'>,
): Promise<DemoStateDocument> {
  const context = await authorize(caller, 'showDemoState');
  return { damageable: (await holdsDemoOnly(context)) ? demoTarget() : null };
}
