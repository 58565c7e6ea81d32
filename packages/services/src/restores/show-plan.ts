import { CofreError, type PlanDocument, planId } from '@cofre/contracts';
import { readPlan, type Repository, type RestorePlan } from '@cofre/engine';
import { authorize } from '../access/authorize.ts';
import type { ServiceContext } from '../service-context.ts';
import { planNotFound } from './not-found.ts';
import { toPlanDocument, withRows } from './plan-document.ts';

/** A kept plan, by its id or a unique prefix of four characters or more. Any process can show it. Throws `plan/not-found`. */
export async function showPlan(
  caller: ServiceContext,
  input: { readonly plan: string; readonly rows?: boolean },
): Promise<PlanDocument> {
  const context = await authorize(caller, 'showPlan', { name: input.plan });
  const repository = await context.openRepository();
  const plan = await findPlan(repository, input.plan);
  if (input.rows !== true) return toPlanDocument(plan);
  const manifest = await repository.readManifest(plan.implementation.id, plan.backupId);
  return withRows(repository, plan, manifest);
}

const PLAN_REFERENCE = /^[0-9a-f][0-9a-f-]{3,35}$/;

export async function findPlan(repository: Repository, reference: string): Promise<RestorePlan> {
  if (!PLAN_REFERENCE.test(reference)) throw planNotFound(reference);
  const ids = new Set<string>();
  for await (const { path } of repository.store.list(`plans/${reference}`)) ids.add(path.split('/')[1] ?? '');
  const [id, another] = ids;
  if (id === undefined) throw planNotFound(reference);
  if (another !== undefined) {
    throw new CofreError('usage/invalid', `More than one plan begins with ${reference}. Nothing was started.`, {
      hint: 'Give more characters of the id.',
    });
  }
  return readPlan(repository, planId.parse(id));
}
