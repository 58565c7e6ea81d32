import { setTimeout as sleep } from 'node:timers/promises';
import { assert, CofreError, isCofreError } from '@cofre/contracts';
import type { Clock, Manifest, Random, Repository, RestorePlan } from '@cofre/engine';
import type pg from 'pg';
import type { Slice } from '../definition/slice.ts';
import { sqlStateOf, translatePgError } from '../session/errors.ts';
import { withSessions } from '../session/open-session.ts';
import type { Database } from '../session/types.ts';
import { type AppliedTable, type ApplyStep, attemptApply, type Attempted } from './attempt-apply.ts';
import { type CommitOutcome, commit } from './commit.ts';
import type { MovedSequence } from './move-sequences.ts';
import type { RestoreProgress } from './plan-restore.ts';
import { type StagedPlanTable, stagePlan } from './stage-plan.ts';

/** Shorter than `deadlock_timeout` by default: who waits for whom is settled by our giving way, never by the application's. */
export const LOCK_TIMEOUT_MAX_MS = 150;

export interface ApplyOptions {
  readonly database: Database;
  readonly repository: Repository;
  /** As `readPlan` gave it. */
  readonly plan: RestorePlan;
  /** Of the backup that the plan names. */
  readonly manifest: Manifest;
  /** Makes the backup's definition concrete in the live database. Called several times; must not remember anything. */
  readonly resolve: (client: pg.ClientBase) => Promise<Slice>;
  readonly clock: Clock;
  readonly random: Random;
  /** How long to wait for a lock, at most `LOCK_TIMEOUT_MAX_MS`; then all locks are given back and the attempt is repeated. */
  readonly lockTimeoutMs?: number;
  readonly attempts?: number;
  readonly signal?: AbortSignal | undefined;
  /** Runs first in the transaction: puts back what rows of the plan point at, makes what is ours let go of rows that go. */
  readonly beforeWriting?: (client: pg.ClientBase) => Promise<void>;
  /** Runs in the transaction just before it commits: the record of the restore is there if and only if the restore is. */
  readonly writeEvidence?: (client: pg.ClientBase, tables: readonly AppliedTable[]) => Promise<void>;
  readonly onProgress?: (progress: RestoreProgress) => void;
  readonly onStep?: (step: ApplyStep) => Promise<void> | void;
}

export interface AppliedRestore {
  readonly tables: readonly AppliedTable[];
  readonly sequences: readonly MovedSequence[];
  /** Every written row was read again before the commit. */
  readonly verified: true;
  readonly attempts: number;
  readonly durationMs: number;
}

const ATTEMPTS_DEFAULT = 20;

/**
 * Carries a plan out in one transaction (design §6), or changes nothing: rows that are not as the plan saw them make it
 * `plan/stale`, locks that cannot be had in any attempt are `database/lock-timeout`, anything that reads otherwise than
 * promised, or that changed besides, is rolled back. The caller keeps other restores of the implementation away, and has
 * taken the safety backup.
 */
export async function applyPlan(options: ApplyOptions): Promise<AppliedRestore> {
  const begun = options.clock.now().getTime();
  refuseUnfit(options);
  const { attempted, outcome, attempts } = await withSessions(options, async (sessions) => {
    const { client } = await sessions.open('cofre restore');
    try {
      return await applyWith(options, client);
    } catch (error) {
      throw translatePgError(error, { doing: 'restoring', signal: options.signal });
    }
  });
  if (outcome.kind !== 'committed') throw outcomeError(outcome);
  const { tables, sequences } = attempted;
  return { tables, sequences, verified: true, attempts, durationMs: options.clock.now().getTime() - begun };
}

function refuseUnfit({ plan, manifest, clock }: ApplyOptions): void {
  assert(plan.backupId === manifest.backupId, 'a plan is applied with the manifest of its backup');
  if (clock.now().getTime() > Date.parse(plan.expiresAt))
    throw new CofreError('plan/expired', `The plan ${plan.id} was made at ${plan.createdAt}. Nothing was changed.`);
  if (plan.applicable) return;
  const conflicts = plan.tables.flatMap((table) => table.conflicts);
  const code = conflicts.every(({ kind }) => kind === 'triggers') ? 'plan/triggers' : 'plan/conflicts';
  throw new CofreError(code, `The plan ${plan.id} has conflicts. Nothing was changed.`, {
    params: { count: conflicts.length },
  });
}

interface Finished {
  readonly attempted: Attempted;
  readonly outcome: CommitOutcome;
  readonly attempts: number;
}

async function applyWith(options: ApplyOptions, client: pg.Client): Promise<Finished> {
  const { repository, plan, manifest, resolve } = options;
  const slice = await resolve(client);
  const tables = await stagePlan(client, { repository, plan, manifest, slice });
  const attemptsMax = options.attempts ?? ATTEMPTS_DEFAULT;
  for (let attempt = 1; ; attempt++) {
    try {
      const attempted = await attemptApply(attemptInput(options, client, tables));
      return { attempted, outcome: await commit(options.database, client, attempted.xid), attempts: attempt };
    } catch (error) {
      if (!isContention(error)) throw error;
      await client.query('ROLLBACK');
      if (attempt >= attemptsMax) throw contended(error, attempt);
    }
    await sleep(pauseMs(attempt, options.random), undefined, options.signal ? { signal: options.signal } : {});
  }
}

function attemptInput(options: ApplyOptions, client: pg.Client, tables: readonly StagedPlanTable[]) {
  const { resolve, signal, beforeWriting, writeEvidence, onStep, onProgress, plan } = options;
  const lockTimeoutMs = Math.min(options.lockTimeoutMs ?? LOCK_TIMEOUT_MAX_MS, LOCK_TIMEOUT_MAX_MS);
  assert(lockTimeoutMs > 0, 'a restore never waits for a lock without end');
  const onRows = (table: { readonly name: string }, rows: number, bytes: number) =>
    onProgress?.({ phase: 'apply', table: table.name, rows, bytes });
  const hooks = { beforeWriting, writeEvidence, onStep, onRows };
  return { client, tables, resolve, signal, ...hooks, lockTimeoutMs, salt: plan.id };
}

/** Another session is in the way: it was given way to, and trying again may do. */
function isContention(error: unknown): boolean {
  return ['55P03', '40P01', '40001'].includes(sqlStateOf(error) ?? '');
}

function contended(cause: unknown, attempts: number): CofreError {
  const table = isCofreError(cause) ? cause.params['table'] : undefined;
  return new CofreError(
    'database/lock-timeout',
    `Other sessions held rows or tables that the restore needs, in each of ${attempts} attempts. Nothing was changed.`,
    { cause, params: { attempts, ...(table === undefined ? {} : { table }) } },
  );
}

const PAUSE_MIN_MS = 50;
const PAUSE_MAX_MS = 2000;

/** Doubles, and differs from that of whoever else gave way at the same moment. */
function pauseMs(attempt: number, random: Random): number {
  const longest = Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** (attempt - 1));
  const share = (random.bytes(1)[0] ?? 0) / 256;
  return longest / 2 + (longest / 2) * share;
}

function outcomeError(outcome: Exclude<CommitOutcome, { kind: 'committed' }>): CofreError {
  if (outcome.kind === 'rolled-back') {
    return new CofreError(
      'database/connection-lost',
      'The connection to the database broke off while committing. The server rolled back: nothing was changed.',
      { cause: outcome.cause },
    );
  }
  return new CofreError(
    'restore/outcome-unknown',
    'The connection to the database broke off while committing, and the server did not tell how it ended. Either everything was restored, or nothing.',
    { cause: outcome.cause, params: { xid: outcome.xid } },
  );
}
