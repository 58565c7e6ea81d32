import { once } from 'node:events';
import { hostname } from 'node:os';
import { createLogger, startWorker } from '@cofre/worker';
import type { Command } from '../run.ts';
import { VERSION } from '../version.ts';

const DEFAULT_CONCURRENCY = 2;
/** Of the exporters' ports that Prometheus lists, the one that is for what has none of its own. */
const DEFAULT_PORT = 9464;
const DEFAULT_HOST = '127.0.0.1';

/** On the catalogue: heartbeats, health, metrics, looking round. */
const CONNECTIONS_OF_ITS_OWN = 4;
/** A job and a scheduled backup, each of which may hold one while it asks on another. */
const CONNECTIONS_OF_EACH = 4;

/** Runs until a signal comes; ends with 0 when everything has been let end, or was put back. */
export const worker: Command = async (run) => {
  const concurrency = run.integer('concurrency') ?? DEFAULT_CONCURRENCY;
  const listen = { host: run.text('host') ?? DEFAULT_HOST, port: run.integer('port') ?? DEFAULT_PORT };
  // A wrong key ends it here, and not each of its jobs.
  const connectionsMax = CONNECTIONS_OF_ITS_OWN + concurrency * CONNECTIONS_OF_EACH;
  const context = await run.composition.withRepository({ connectionsMax });
  const { url: databaseUrl } = await run.composition.database();
  const started = await startWorker({
    context,
    databaseUrl,
    logger: createLogger({ level: run.composition.logLevel, destination: process.stderr }),
    version: VERSION,
    nodeVersion: process.version,
    name: `${hostname()}:${process.pid}`,
    concurrency,
    listen,
  });
  const { id, url } = started;
  run.print({ worker: id, url }, () => `The worker ${id} runs. Its health and metrics are at ${url}; Ctrl-C stops it.`);
  const { signal } = context;
  if (signal !== undefined && !signal.aborted) await once(signal, 'abort');
  await started.stop();
  return undefined;
};
