import process from 'node:process';
import { systemClock } from '@cofre/storage';
import type { Migration, ServiceContext, WorkBudget } from '@cofre/services';
import { readSecrets } from './authenticate.ts';
import { ServiceFactory } from './compose.ts';
import { type Environment, readEnvironment, readPort } from './environment.ts';
import { handleRequest } from './handle-request.ts';
import { HostedBudget, type PieceOfWork } from './hosted-budget.ts';

/** What a function does, apart from being one. */
export interface EdgeFunction {
  readonly name: string;
  readonly piece: PieceOfWork;
  run(context: ServiceContext, body: unknown, budget: WorkBudget): Promise<object>;
}

/** Of Deno's global what is used here: its types would make those of Node unclear. */
declare const Deno: {
  serve(options: { readonly port?: number }, handler: (request: Request) => Promise<Response>): unknown;
};

/** Put in by `build.ts`. */
declare const COFRE_VERSION: string;
declare const COFRE_MIGRATIONS: readonly Migration[];

/** Reads the environment, once, and serves. */
export function serveFunction(edge: EdgeFunction): void {
  const { env } = process;
  const { name } = edge;
  const port = readPort(env);
  const options = {
    name,
    secrets: readSecrets(env),
    clock: systemClock,
    run: prepare(edge, env),
    log: (line: string) => console.error(line),
  };
  Deno.serve(port === undefined ? {} : { port }, (request) => handleRequest(request, options));
}

/** What is wrong with the environment is answered to whoever may call: a log is not looked at before something is missing. */
function prepare(edge: EdgeFunction, variables: NodeJS.ProcessEnv): (body: unknown) => Promise<object> {
  let environment: Environment;
  try {
    environment = readEnvironment(variables);
  } catch (error) {
    return async () => {
      throw error;
    };
  }
  const madeBy = `cofre ${COFRE_VERSION} edge function`;
  const factory = new ServiceFactory({ environment, name: edge.name, madeBy, migrations: COFRE_MIGRATIONS });
  const hasPassphrase = environment.key.kind === 'passphrase';
  const { piece } = edge;
  return (body) => {
    const budget = new HostedBudget({ clock: systemClock, startedAt: systemClock.now(), hasPassphrase, piece });
    return factory.withService(budget.observe, (context) => edge.run(context, body, budget));
  };
}
