import { type JobDocument, type ListJobsInput, listJobsInput, parseInput } from '@cofre/contracts';
import { sql } from 'kysely';
import { authorize, type Caller } from '../access/authorize.ts';
import { decodeCursor, NEWEST_FIRST, type Page, pageOf } from '../catalogue/cursor.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { jobQuery, toJobDocument } from './job-document.ts';

/** Jobs, the newest first. */
export async function listJobs(caller: Caller, input: ListJobsInput = {}): Promise<Page<JobDocument>> {
  const filters = parseInput(listJobsInput, input);
  const context = await authorize(caller, 'listJobs');
  const rows = await jobPageQuery(context.catalogue, filters).execute();
  return pageOf(rows, { order: NEWEST_FIRST, limit: filters.limit, toItem: toJobDocument });
}

type JobFilters = ReturnType<typeof listJobsInput.parse>;

/** A page of the list and one row more, which tells whether there is another. */
export function jobPageQuery(catalogue: Catalogue, { state, implementation, limit, cursor }: JobFilters) {
  let query = jobQuery(catalogue).select(sql<string>`j.created_at::text`.as('sort_value'));
  if (state !== undefined) query = query.where('j.state', '=', state);
  if (implementation !== undefined) query = query.where(ofImplementation(implementation));
  if (cursor !== undefined) {
    const { value, id } = decodeCursor(cursor, NEWEST_FIRST);
    query = query.where(sql<boolean>`(j.created_at, j.id) < (${value}::timestamptz, ${id}::uuid)`);
  }
  return query
    .orderBy('j.created_at', 'desc')
    .orderBy('j.id', 'desc')
    .limit(limit + 1);
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** By what stays in the row: jobs of a deleted implementation are still found. */
function ofImplementation(reference: string) {
  const slash = reference.indexOf('/');
  if (slash >= 0) {
    return sql<boolean>`j.module_slug = ${reference.slice(0, slash)} AND j.implementation_key = ${reference.slice(slash + 1)}`;
  }
  return UUID.test(reference) ? sql<boolean>`j.implementation_id = ${reference}::uuid` : sql<boolean>`false`;
}
