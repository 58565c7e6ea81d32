import { type ImplementationRef, parseInput } from '@cofre/contracts';
import type { z } from 'zod';
import type { UseCaseName } from '../access/use-cases.ts';
import type { ServiceContext } from '../service-context.ts';
import type { WorkBudget } from '../work-budget.ts';

/** What a job is about, found when it is asked for: `latest` is then the latest of that moment, not of when it runs. */
export interface JobTarget {
  readonly implementation: ImplementationRef | null;
  readonly backupId: string | null;
  /** The use case's input, with every name replaced by what it stood for. */
  readonly input: Readonly<Record<string, unknown>>;
}

export interface JobResult {
  /** A document of the contracts, for who looks at the job. */
  readonly result: unknown;
  readonly backupId?: string;
}

/** One kind of job: the use case that it is, called later and elsewhere. */
export interface JobWork {
  readonly useCase: UseCaseName;
  /** Throws `usage/invalid` for what the use case would not take. */
  prepare(input: unknown): PreparedJob;
}

export interface PreparedJob {
  /** What the caller named; undefined: nothing. */
  readonly subject: string | undefined;
  /** For who may: throws where the use case would find nothing, too. */
  findTarget(context: ServiceContext): Promise<JobTarget>;
  run(context: ServiceContext, budget: WorkBudget): Promise<JobResult>;
}

export interface JobFacts<Input> {
  readonly useCase: UseCaseName;
  subjectOf?(input: Input): string;
  findTarget(context: ServiceContext, input: Input): Promise<JobTarget>;
  run(context: ServiceContext, input: Input, budget: WorkBudget): Promise<JobResult>;
}

export function jobWork<Schema extends z.ZodType>(schema: Schema, facts: JobFacts<z.output<Schema>>): JobWork {
  return {
    useCase: facts.useCase,
    prepare(given) {
      const input = parseInput(schema, given);
      return {
        subject: facts.subjectOf?.(input),
        findTarget: (context) => facts.findTarget(context, input),
        run: (context, budget) => facts.run(context, input, budget),
      };
    },
  };
}
