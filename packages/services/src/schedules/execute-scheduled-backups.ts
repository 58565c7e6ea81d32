import {
  type ExecuteScheduledBackupsInput,
  executeScheduledBackupsInput,
  parseInput,
  type RunFailure,
  type ScheduledRunDocument,
} from '@cofre/contracts';
import { keepSessions } from '@cofre/postgres';
import { authorize } from '../access/authorize.ts';
import { audit } from '../audit/audit.ts';
import { ModuleOverlaps } from '../modules/module-overlaps.ts';
import type { ServiceContext } from '../service-context.ts';
import { NO_BUDGET, type WorkBudget } from '../work-budget.ts';
import { backUpClaimed, type Outcome, type ScheduledRun } from './back-up-claimed.ts';
import { claimNext, countWaiting, type DueOptions } from './claims.ts';
import { settleSchedules } from './settle-schedules.ts';

/**
 * Backs up every implementation that is due, once, whatever it missed. Any number of runners may do so at the same time:
 * each takes what no other has. One that fails does not hold up the others.
 */
export async function executeScheduledBackups(
  caller: ServiceContext,
  input: ExecuteScheduledBackupsInput = {},
  budget: WorkBudget = NO_BUDGET,
): Promise<ScheduledRunDocument> {
  const { now, limit } = parseInput(executeScheduledBackupsInput, input);
  const context = await authorize(caller, 'executeScheduledBackups');
  const dueBy = now === undefined ? context.clock.now() : new Date(now);
  await settleSchedules(context, dueBy);
  const database = keepSessions(context.database);
  const worklist = new Worklist({ ...context, database }, { dueBy, budget, limit: limit ?? Number.POSITIVE_INFINITY });
  try {
    return await worklist.run();
  } finally {
    await database.end();
  }
}

interface WorklistOptions {
  readonly dueBy: Date;
  readonly budget: WorkBudget;
  readonly limit: number;
}

class Worklist {
  readonly #context: ServiceContext;
  readonly #options: WorklistOptions;
  readonly #run: ScheduledRun;
  readonly #passed: string[] = [];
  readonly #failed: RunFailure[] = [];
  #begun = 0;
  #done = 0;
  #unchanged = 0;
  #deferred = 0;
  #error: { readonly thrown: unknown } | null = null;

  constructor(context: ServiceContext, options: WorklistOptions) {
    this.#context = context;
    this.#options = options;
    const name = context.actor.kind === 'service' ? context.actor.name : 'schedule';
    const service: ServiceContext = { ...context, actor: { kind: 'service', name } };
    const overlaps = new ModuleOverlaps(service);
    this.#run = { context: service, dueBy: options.dueBy, refuseSharedRows: (slice) => overlaps.refuse(slice) };
  }

  async run(): Promise<ScheduledRunDocument> {
    const lanes = Array.from({ length: this.#options.budget.concurrency }, () => this.#lane());
    await Promise.all(lanes);
    // What was done was done, also when the rest was not.
    const document = await this.#summary();
    if (this.#error !== null) throw this.#error.thrown;
    return document;
  }

  async #lane(): Promise<void> {
    try {
      while (this.#mayGoOn()) {
        const claim = await claimNext(this.#context.catalogue, this.#context.random.uuid(), this.#due());
        if (claim === null) return;
        this.#begun += 1;
        this.#count(claim.implementationId, await backUpClaimed(this.#run, claim));
      }
    } catch (thrown) {
      this.#error ??= { thrown };
    }
  }

  #mayGoOn(): boolean {
    if (this.#error !== null || this.#begun >= this.#options.limit) return false;
    this.#context.signal?.throwIfAborted();
    return this.#options.budget.mayStart();
  }

  #due(): DueOptions {
    const { dueBy, budget } = this.#options;
    const takesLarge = budget.sliceBytesMax === null;
    return { dueBy, now: this.#context.clock.now(), takesLarge, passed: this.#passed };
  }

  #count(implementationId: string, outcome: Outcome): void {
    switch (outcome.kind) {
      case 'done':
        this.#done += 1;
        if (outcome.unchanged) this.#unchanged += 1;
        return;
      case 'failed':
        this.#failed.push({ implementation: outcome.implementation, code: outcome.code });
        this.#passed.push(implementationId);
        return;
      case 'deferred':
        this.#deferred += 1;
        return;
      case 'busy':
        this.#passed.push(implementationId);
        return;
      case 'settled':
        return;
    }
  }

  async #summary(): Promise<ScheduledRunDocument> {
    const { left, deferred } = await countWaiting(this.#context.catalogue, this.#due());
    const document = { done: this.#done, unchanged: this.#unchanged, failed: this.#failed, deferred, left };
    if (this.#done + this.#failed.length + this.#deferred === 0) return document;
    await audit(this.#context, { action: 'SCHEDULED_BACKUPS_EXECUTED', details: document });
    return document;
  }
}
