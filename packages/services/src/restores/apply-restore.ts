import { type ApplyRestoreInput, applyRestoreInput, parseInput, type RestoreDocument } from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import { withImplementationLock } from '../backups/implementation-lock.ts';
import type { ServiceContext } from '../service-context.ts';
import { carryOut, requireApplicable } from './carry-out.ts';
import { findRestoreOfJob } from './restore-of-job.ts';
import { findPlan } from './show-plan.ts';

/** Carries out a plan, or changes nothing. Rows that are not as the plan saw them make it `plan/stale`. */
export async function applyRestore(caller: ServiceContext, input: ApplyRestoreInput): Promise<RestoreDocument> {
  const { plan: reference, safetyBackup } = parseInput(applyRestoreInput, input);
  const context = await authorize(caller, 'applyRestore', { name: reference });
  // Before the plan is looked at: it has expired since, or its rows are not as it saw them.
  const made = await findRestoreOfJob(context);
  if (made !== null) return made;
  const repository = await context.openRepository();
  const plan = await findPlan(repository, reference);
  requireApplicable(context, plan);
  const manifest = await repository.readManifest(plan.implementation.id, plan.backupId);
  return withImplementationLock(context, plan.implementation, (signal) =>
    carryOut({ ...context, signal }, { repository, plan, manifest, safetyBackup }),
  );
}
