import { type JobDocument, type JobInput, jobInput, parseInput } from '@cofre/contracts';
import { authorize, type Caller } from '../access/authorize.ts';
import { findJob, toJobDocument } from './job-document.ts';

/** One job, with how far it is. What it gave, and its error, are for administrators. */
export async function showJob(caller: Caller, input: JobInput): Promise<JobDocument> {
  const { job: id } = parseInput(jobInput, input);
  const context = await authorize(caller, 'showJob', { name: id });
  const document = toJobDocument(await findJob(context.catalogue, id));
  // The view is empty for who is neither administrator nor the service.
  const row = await context.catalogue
    .selectFrom('cofre.v_job_private')
    .select('result')
    .where('id', '=', id)
    .executeTakeFirst();
  return row === undefined || row.result === null ? document : { ...document, result: row.result };
}
