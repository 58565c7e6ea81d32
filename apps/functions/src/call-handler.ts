import type { Clock } from '@cofre/engine';
import type { Migration, ServiceContext, WorkBudget } from '@cofre/services';
import { readSecrets } from './authenticate.ts';
import { type Alarm, ServiceFactory } from './compose.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { handleRequest } from './handle-request.ts';
import { HostedBudget, type PieceOfWork } from './hosted-budget.ts';

/** What a function does, apart from being one. */
export interface EdgeFunction {
  readonly name: string;
  readonly piece: PieceOfWork;
  run(context: ServiceContext, body: unknown, budget: WorkBudget): Promise<object>;
}

/** Where a function runs, and what it was built from. */
export interface Surroundings {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly alarm: Alarm;
  /** For the platform's log. */
  readonly log: (line: string) => void;
  readonly version: string;
  readonly migrations: readonly Migration[];
}

/** Reads the environment, once, and answers calls. */
export function callHandler(edge: EdgeFunction, surroundings: Surroundings): (request: Request) => Promise<Response> {
  const { variables, clock, log } = surroundings;
  const { name } = edge;
  const options = { name, secrets: readSecrets(variables), clock, run: prepare(edge, surroundings), log };
  return (request) => handleRequest(request, options);
}

/** What is wrong with the environment is answered to whoever may call: a log is not looked at before something is missing. */
function prepare(edge: EdgeFunction, surroundings: Surroundings): (body: unknown) => Promise<object> {
  const { variables, clock, alarm, version, migrations } = surroundings;
  let environment: Environment;
  try {
    environment = readEnvironment(variables);
  } catch (error) {
    return async () => {
      throw error;
    };
  }
  const madeBy = `cofre ${version} edge function`;
  const factory = new ServiceFactory({ environment, name: edge.name, madeBy, migrations, clock, alarm });
  const hasPassphrase = environment.key.kind === 'passphrase';
  const { piece } = edge;
  return (body) => {
    const budget = new HostedBudget({ clock, startedAt: clock.now(), hasPassphrase, piece });
    return factory.withService(budget.observe, (context) => edge.run(context, body, budget));
  };
}
