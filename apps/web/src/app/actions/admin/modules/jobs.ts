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
import { jobInWords } from '#server/job-words.ts';
import { runAction } from '#server/run-action.ts';

export async function showModuleJob(input: JobInput): Promise<ActionResult<JobDocument>> {
  return runAction(input, {
    useCase: 'showJob',
    schema: jobInput,
    run: async (service, job) => jobInWords(await showJob(service, job)),
  });
}

/** For who cannot be sent events; the newest first. */
export async function listModuleJobs(input: ListJobsInput): Promise<ActionResult<readonly JobDocument[]>> {
  return runAction(input, {
    useCase: 'listJobs',
    schema: listJobsInput,
    run: async (service, parsed) => Promise.all((await listJobs(service, parsed)).items.map(jobInWords)),
  });
}

export async function cancelModuleJob(input: JobInput): Promise<ActionResult<JobDocument>> {
  return runAction(input, {
    useCase: 'cancelJob',
    schema: jobInput,
    run: async (service, job) => jobInWords(await cancelJob(service, job)),
  });
}
