'use server';

import {
  type ActionResult,
  type JobDocument,
  type JobInput,
  jobInput,
  type ListJobsInput,
  listJobsInput,
} from '@cofre/contracts';
import { cancelJob, listJobs, showJob } from '@cofre/services';
import { runAction } from '#server/run-action.ts';
import { errorWording, wordedJob } from '#server/worded.ts';

export async function showModuleJob(input: JobInput): Promise<ActionResult<JobDocument>> {
  return runAction(input, {
    useCase: 'showJob',
    schema: jobInput,
    run: async (service, job) => wordedJob(await showJob(service, job), await errorWording()),
  });
}

/** For who cannot be sent events; the newest first. */
export async function listModuleJobs(input: ListJobsInput): Promise<ActionResult<readonly JobDocument[]>> {
  return runAction(input, {
    useCase: 'listJobs',
    schema: listJobsInput,
    run: async (service, parsed) => {
      const [wording, { items }] = await Promise.all([errorWording(), listJobs(service, parsed)]);
      return items.map((job) => wordedJob(job, wording));
    },
  });
}

export async function cancelModuleJob(input: JobInput): Promise<ActionResult<JobDocument>> {
  return runAction(input, {
    useCase: 'cancelJob',
    schema: jobInput,
    run: async (service, job) => wordedJob(await cancelJob(service, job), await errorWording()),
  });
}
