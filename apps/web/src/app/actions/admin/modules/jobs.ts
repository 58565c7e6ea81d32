'use server';

import { type ActionResult, type JobDocument, type JobInput, jobInput } from '@cofre/contracts';
import { cancelJob, showJob } from '@cofre/services';
import { runAction } from '#server/run-action.ts';

export async function showModuleJob(input: JobInput): Promise<ActionResult<JobDocument>> {
  return runAction(input, { useCase: 'showJob', schema: jobInput, run: showJob });
}

export async function cancelModuleJob(input: JobInput): Promise<ActionResult<JobDocument>> {
  return runAction(input, { useCase: 'cancelJob', schema: jobInput, run: cancelJob });
}
