import {
  assert,
  CofreError,
  type DemoDamageDocument,
  type ImplementationRef,
  implementationRef,
} from '@cofre/contracts';
import { translatePgError } from '@cofre/postgres';
import { authorize } from '../access/authorize.ts';
import { audited } from '../audit/audit.ts';
import type { ServiceContext } from '../service-context.ts';
import { type Damage, damageInventory } from './damage.ts';
import { holdsDemoOnly } from './holds-demo-only.ts';
import { DEMO_IMPLEMENTATIONS } from './platform.ts';

export type { Damage } from './damage.ts';

/** Somebody waits for the answer: a restore that has the tables is not waited for. */
const LOCK_TIMEOUT_MS = 5_000;

/**
 * Damages the demo's platform and leaves it so: for who wants to find and mend it. Only where there is nothing but the demo
 * (`demo/not-alone`); where the last damage was not put right yet, nothing happens.
 */
export async function damageDemo(caller: ServiceContext): Promise<DemoDamageDocument> {
  const context = await authorize(caller, 'damageDemo');
  const implementation = demoTarget();
  return audited(
    context,
    { action: 'DAMAGE_DEMO', implementation },
    {
      run: async () => {
        if (!(await holdsDemoOnly(context))) throw notAlone();
        return { implementation, ...(await damageAtOnce(context, implementation.id)) };
      },
      entryOf: ({ implementation: _hit, ...damage }) => ({ details: damage }),
    },
  );
}

/** What the demo's accident hits. */
export function demoTarget(): ImplementationRef {
  const target = DEMO_IMPLEMENTATIONS.find(({ key }) => key === 'perishable');
  assert(target !== undefined, 'the demo has the implementation that it damages');
  const { id, module, key } = target;
  return implementationRef.parse({ id, module, key });
}

async function damageAtOnce({ database }: ServiceContext, implementationId: string): Promise<Damage> {
  const client = await database.connect({ applicationName: 'cofre demo' });
  try {
    await client.query(`BEGIN; SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    // Of two who ask at once, the second waits here and then finds the damage done.
    await client.query('SELECT FROM public.tenant_module_assignments WHERE implementation_id = $1 FOR UPDATE', [
      implementationId,
    ]);
    const damage = await damageInventory(client, implementationId);
    await client.query('COMMIT');
    return damage;
  } catch (error) {
    throw translatePgError(error, { doing: 'damaging the demo, which was rolled back' });
  } finally {
    // Ending the session rolls back what was not committed.
    await client.end();
  }
}

function notAlone(): CofreError {
  return new CofreError(
    'demo/not-alone',
    'Only the demo is damaged when somebody asks for it, and this is none, or not only. Nothing was changed.',
  );
}
