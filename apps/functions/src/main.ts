import process from 'node:process';
import { systemClock } from '@cofre/storage';
import type { Migration } from '@cofre/services';
import { callHandler, type EdgeFunction } from './call-handler.ts';
import { readPort } from './environment.ts';

/** Of Deno's global what is used here: its types would make those of Node unclear. */
declare const Deno: {
  serve(options: { readonly port?: number }, handler: (request: Request) => Promise<Response>): unknown;
};

/** Put in by `build.ts`. */
declare const COFRE_VERSION: string;
declare const COFRE_MIGRATIONS: readonly Migration[];

/** Serves under Deno, as it is around us. */
export function serveFunction(edge: EdgeFunction): void {
  const { env: variables } = process;
  const port = readPort(variables);
  const handler = callHandler(edge, {
    variables,
    clock: systemClock,
    alarm: (ring, afterMs) => {
      const timer = setTimeout(ring, afterMs);
      return () => clearTimeout(timer);
    },
    log: (line) => console.error(line),
    version: COFRE_VERSION,
    migrations: COFRE_MIGRATIONS,
  });
  Deno.serve(port === undefined ? {} : { port }, handler);
}
