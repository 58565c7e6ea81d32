import { createHash } from 'node:crypto';
import {
  assert,
  CofreError,
  type EnqueueJobInput,
  enqueueJobInput,
  type JobDocument,
  type JobKind,
  parseInput,
} from '@cofre/contracts';
import { sql } from 'kysely';
import { authorize } from '../access/authorize.ts';
import { actorColumns } from '../actor.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import type { ServiceContext } from '../service-context.ts';
import { findJob, toJobDocument } from './job-document.ts';
import { JOB_WORK } from './job-kinds.ts';
import type { JobTarget } from './job-work.ts';
import { toStoredActor } from './stored-actor.ts';

/**
 * Asks for work that is done later, by whichever worker is free, as the caller. Refused now as the use case itself would
 * refuse it. Asked for twice while it waits or runs, as by a double click, it is one job, and its id is given again.
 */
export async function enqueueJob(caller: ServiceContext, input: EnqueueJobInput): Promise<JobDocument> {
  const { kind, input: given } = parseInput(enqueueJobInput, input);
  const { useCase, prepare } = JOB_WORK[kind];
  const prepared = prepare(given);
  const { subject } = prepared;
  const able = await authorize(caller, useCase, subject === undefined ? undefined : { name: subject });
  const context = await authorize(caller, 'enqueueJob');
  const target = await prepared.findTarget(able);
  const id = await insertOrFind(context, { kind, target, key: singletonKey(kind, target) });
  return toJobDocument(await findJob(context.catalogue, id));
}

interface NewJob {
  readonly kind: JobKind;
  readonly target: JobTarget;
  readonly key: string;
}

/** The same work on the same thing, whoever asks for it and however it was named. */
function singletonKey(kind: JobKind, { input }: JobTarget): string {
  return createHash('sha256')
    .update(JSON.stringify([kind, input]))
    .digest('hex');
}

/** The job of that key may end between our finding it taken and our looking at it; then there is none, and ours is made. */
const TRIES = 5;

async function insertOrFind(context: ServiceContext, job: NewJob): Promise<string> {
  const actor = await toStoredActor(context.catalogue, context.actor);
  assert(actor !== null, 'nobody was refused before');
  const id = context.random.uuid();
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const isNew = await context.catalogue.transaction().execute(async (transaction) => {
      const { numInsertedOrUpdatedRows } = await transaction
        .insertInto('cofre.jobs')
        .values({ ...columnsOf(context, job), id, actor: JSON.stringify(actor) })
        .onConflict((conflict) => conflict.column('singleton_key').where(IS_OPEN).doNothing())
        .executeTakeFirst();
      if (numInsertedOrUpdatedRows !== 1n) return false;
      await context.queue?.send(transaction, { id, attempts: 0 });
      return true;
    });
    if (isNew) return id;
    const open = await findOpen(context.catalogue, job.key);
    if (open !== null) return open;
  }
  throw new CofreError('internal/bug', `a job that others have of ${job.kind} ends each time it is looked at`);
}

/** As the unique index has it. */
const IS_OPEN = sql<boolean>`singleton_key IS NOT NULL AND state IN ('waiting', 'running', 'deferred')`;

async function findOpen(catalogue: Catalogue, key: string): Promise<string | null> {
  const row = await catalogue
    .selectFrom('cofre.jobs')
    .select('id')
    .where('singleton_key', '=', key)
    .where(IS_OPEN)
    .executeTakeFirst();
  return row?.id ?? null;
}

function columnsOf(context: ServiceContext, { kind, target, key }: NewJob) {
  const { implementation, backupId, input } = target;
  return {
    kind,
    implementation_id: implementation?.id ?? null,
    module_slug: implementation?.module ?? null,
    implementation_key: implementation?.key ?? null,
    backup_id: backupId,
    input: JSON.stringify(input),
    singleton_key: key,
    ...actorColumns(context.actor),
  };
}
