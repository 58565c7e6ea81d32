import type { BackupDocument } from '../../packages/contracts/src/index.ts';
import {
  addImplementation,
  applyRestore,
  damageDemo,
  drainJobs,
  enqueueJob,
  listBackups,
  planRestore,
} from '../../packages/services/src/index.ts';
import type { TestWeb } from './web-server.ts';

/** Where in the web admin everything that it can show is to be seen: addresses, and what backups are called. */
export interface Sights {
  readonly implementation: string;
  /** Of implementations: its last backup failed; it was never backed up; its backup waits for a worker. */
  readonly failing: string;
  readonly empty: string;
  readonly waiting: string;
  readonly backup: string;
  readonly failed: string;
  /** Its implementation is gone. */
  readonly orphan: string;
  /** Descriptions. */
  readonly plain: string;
  readonly held: string;
  readonly restore: string;
  readonly preview: string;
  readonly conflicts: string;
  readonly nothing: string;
  readonly stale: string;
  readonly result: string;
}

/** Brings what there is after a month of use to where everything can be seen, with no worker. */
export async function loadSights({ db, context, place }: TestWeb): Promise<Sights> {
  const { backupId } = place;
  const implementation = addressOf(place);
  const restore = `${implementation}/restore/${backupId}`;
  const plan = async () => (await planRestore(context, { backup: backupId })).id;
  const preview = (id: string) => `${restore}?step=preview&plan=${id}`;
  const nothing = await plan();
  await damageDemo(context);
  const applied = await plan();
  const { id: restoreId } = await applyRestore(context, { plan: applied });
  const { id: staleJob } = await enqueueJob(context, { kind: 'apply-restore', input: { plan: applied } });
  await drainJobs(context);
  await damageDemo(context);
  const previewed = await plan();
  await db.query(`BEGIN; ${TAKE_NUMBERS}; COMMIT`);
  const conflicting = await plan();
  await addImplementation(context, { module: 'crm', key: 'loyalty', name: 'Loyalty (new)' });
  await enqueueJob(context, { kind: 'create-backup', input: { implementation: 'billing/international' } });
  const { items } = await listBackups(context, { limit: 500 });
  const pageOf = (which: (backup: BackupDocument) => boolean): string => {
    const found = items.find(which);
    if (found === undefined) throw new Error('a month of use has everything that there is to see');
    return `${addressOf(found.implementation)}/backups/${found.id}`;
  };
  return {
    implementation,
    failing: addressOf({ module: 'crm', key: 'pipeline' }),
    empty: addressOf({ module: 'crm', key: 'loyalty' }),
    waiting: addressOf({ module: 'billing', key: 'international' }),
    backup: pageOf(({ id }) => id === backupId),
    failed: pageOf(({ status }) => status === 'failed'),
    orphan: pageOf(({ implementation: { key } }) => key === 'campaigns'),
    plain: 'Before release 2.5',
    held: 'Stocktaking',
    restore,
    preview: preview(previewed),
    conflicts: preview(conflicting),
    nothing: preview(nothing),
    stale: `${restore}?step=run&job=${staleJob}`,
    result: `${restore}/result/${restoreId}`,
  };
}

/** Two products of the implementation get other numbers, and others theirs; a stock record goes to another company. */
const TAKE_NUMBERS = `
  CREATE TEMPORARY TABLE taken ON COMMIT DROP AS
    SELECT p.* FROM public.products AS p JOIN public.tenant_module_assignments AS a USING (tenant_id)
    JOIN public.module_implementations AS i ON i.id = a.implementation_id
    WHERE i.key = 'perishable' ORDER BY p.id LIMIT 2;
  UPDATE public.products SET sku = sku || '-B' WHERE id IN (SELECT id FROM taken);
  INSERT INTO public.products (tenant_id, category_id, sku, name, price, cost)
    SELECT tenant_id, category_id, sku, name, price, cost FROM taken`;

function addressOf({ module, key }: { readonly module: string; readonly key: string }): string {
  return `/admin/modules/${module}/${key}`;
}
