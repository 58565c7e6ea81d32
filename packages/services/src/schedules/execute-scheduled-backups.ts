import {
  CofreError,
  type ExecuteScheduledBackupsInput,
  executeScheduledBackupsInput,
  parseInput,
  type RunFailure,
  type ScheduledRunDocument,
  unreachable,
} from '@cofre/contracts';
import { keepSessions } from '@cofre/postgres';
import { authorize } from '../access/authorize.ts';
import { audit } from '../audit/audit.ts';
import { SharedWork } from '../backups/shared-work.ts';
import { toCofreError } from '../error-document.ts';
import { ModuleOverlaps } from '../modules/module-overlaps.ts';
import type { ServiceContext } from '../service-context.ts';
import { NO_BUDGET, type WorkBudget } from '../work-budget.ts';
import type { Outcome, ScheduledRun } from './back-up-claimed.ts';
import { backUpTogether } from './back-up-together.ts';
import { claimDue, countWaiting, type DueOptions, type Waiting } from './claims.ts';
import { notifyRunFailed } from './notices.ts';
import { settleSchedules } from './settle-schedules.ts';

/**
 * Backs up every implementation that is due, once, whatever it missed. Any number of runners may do so at the same time:
 * each takes what no other has. One that fails does not hold up the others; it is tried again later, and administrators
 * are told where that does not help.
 */
export async function executeScheduledBackups(
  caller: ServiceContext,
  input: ExecuteScheduledBackupsInput = {},
  budget: WorkBudget = NO_BUDGET,
): Promise<ScheduledRunDocument> {
  const { now, limit } = parseInput(executeScheduledBackupsInput, input);
  const context = await authorize(caller, 'executeScheduledBackups');
  const dueBy = now === undefined ? context.clock.now() : new Date(now);
  const impossible = await settleSchedules(context, { now: context.clock.now(), dueBy });
  const database = keepSessions(context.database);
  const shared = new SharedWork(context.clock);
  try {
    const options = { dueBy, budget, limit: limit ?? Number.POSITIVE_INFINITY, impossible, shared };
    return await new Worklist({ ...context, database }, options).run();
  } finally {
    await shared.end();
    await database.end();
  }
}

interface WorklistOptions {
  readonly dueBy: Date;
  readonly budget: WorkBudget;
  readonly limit: number;
  /** Implementations that were found to have an impossible schedule. */
  readonly impossible: readonly RunFailure[];
  readonly shared: SharedWork;
}

/** What is due, worked on by several lanes at the same time. */
class Worklist {
  readonly #context: ServiceContext;
  readonly #options: WorklistOptions;
  readonly #run: ScheduledRun;
  readonly #failed: RunFailure[];
  /** Tried by this run, and still due. */
  readonly #passed: string[] = [];
  #begun = 0;
  #done = 0;
  #unchanged = 0;
  #deferred = 0;
  #busy = 0;
  /** What ended the run before its time. */
  #stop: { readonly thrown: unknown } | null = null;

  constructor(context: ServiceContext, options: WorklistOptions) {
    const { dueBy, budget, impossible, shared } = options;
    this.#context = context;
    this.#options = options;
    this.#failed = [...impossible];
    const name = context.actor.kind === 'service' ? context.actor.name : 'schedule';
    const service: ServiceContext = { ...context, actor: { kind: 'service', name } };
    const overlaps = new ModuleOverlaps(service);
    const refuseSharedRows: ScheduledRun['refuseSharedRows'] = (slice) => overlaps.refuse(slice);
    this.#run = { context: service, dueBy, shared, sliceBytesMax: budget.sliceBytesMax, refuseSharedRows };
  }

  async run(): Promise<ScheduledRunDocument> {
    const waiting = await this.#waiting();
    if (waiting.left === 0) return this.#conclude(waiting);
    await this.#requireRepository();
    await Promise.all(Array.from({ length: this.#options.budget.concurrency }, () => this.#lane()));
    // What was done was done, also where the rest could not be.
    const document = await this.#conclude(await this.#waiting());
    if (this.#stop !== null) throw this.#stop.thrown;
    return document;
  }

  /** Without it every single one would fail for the same reason, and be told of as if it were its own. */
  async #requireRepository(): Promise<void> {
    try {
      await this.#context.openRepository();
    } catch (thrown) {
      const error = toCofreError(thrown);
      if (!error.retryable) await notifyRunFailed(this.#context, error);
      throw error;
    }
  }

  async #lane(): Promise<void> {
    try {
      while (this.#mayGoOn()) {
        const { budget, limit } = this.#options;
        const count = Math.min(budget.together ?? 1, limit - this.#begun);
        this.#begun += count;
        const id = this.#context.random.uuid();
        const claimed = await claimDue(this.#context.catalogue, id, { ...this.#due(), count });
        if (claimed.length === 0) return;
        this.#begun -= count - claimed.length;
        await backUpTogether(this.#run, claimed, (implementation, outcome) => this.#count(implementation, outcome));
      }
    } catch (thrown) {
      this.#stop ??= { thrown };
    }
  }

  #mayGoOn(): boolean {
    if (this.#stop !== null || this.#begun >= this.#options.limit) return false;
    if (this.#context.signal?.aborted === true) {
      throw new CofreError('backup/interrupted', 'Interrupted between two backups. What was backed up is listed.');
    }
    return this.#options.budget.mayStart();
  }

  #due(): DueOptions {
    const { dueBy, budget } = this.#options;
    const takesLarge = budget.sliceBytesMax === null;
    return { dueBy, now: this.#context.clock.now(), takesLarge, passed: this.#passed };
  }

  #waiting() {
    return countWaiting(this.#context.catalogue, this.#due());
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
        this.#busy += 1;
        this.#passed.push(implementationId);
        return;
      case 'settled':
        return;
      default:
        unreachable(outcome);
    }
  }

  /** Logged where something was done; that everything due waits for somebody else is not news every five minutes. */
  async #conclude({ left, deferred }: Waiting): Promise<ScheduledRunDocument> {
    const document = {
      done: this.#done,
      unchanged: this.#unchanged,
      failed: this.#failed,
      deferred,
      left: left + this.#busy,
    };
    if (this.#done + this.#failed.length + this.#deferred > 0) {
      await audit(this.#context, { action: 'SCHEDULED_BACKUPS_EXECUTED', details: document });
    }
    return document;
  }
}
