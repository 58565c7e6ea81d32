import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '@cofre/postgres';
import type pg from 'pg';

/** As the triggers of `cofre.jobs` and `cofre.job_progress` call it. */
const CHANNEL = 'cofre_jobs';

/** A broken connection is replaced so soon; whoever listens looks by itself meanwhile. */
const RECONNECT_MS = 1_000;
/** What does not answer to this is gone, though nobody said so: some networks drop quiet connections. */
const ASK_EVERY_MS = 20_000;

export interface JobNotices extends AsyncDisposable {
  /**
   * Calls back when the row of a job, or its progress, was changed; `null`: something may have been missed. Only a hint:
   * who listens also looks by itself now and then. Gives what ends it.
   */
  subscribe(listener: (jobId: string | null) => void): () => void;
}

/** One connection that listens, for as many as want to know. It is made anew whenever it breaks. */
export function listenForJobs(database: Database): JobNotices {
  const listeners = new Set<(jobId: string | null) => void>();
  const stop = new AbortController();
  const tell = (jobId: string | null) => {
    for (const listener of listeners) listener(jobId);
  };
  const listening = listenAgainAndAgain(database, { tell, signal: stop.signal });
  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await listening;
    },
  };
}

interface Listening {
  readonly tell: (jobId: string | null) => void;
  readonly signal: AbortSignal;
}

async function listenAgainAndAgain(database: Database, { tell, signal }: Listening): Promise<void> {
  while (!signal.aborted) {
    try {
      const client = await database.connect({ applicationName: 'cofre jobs' });
      try {
        await listen(client, { tell, signal });
      } finally {
        await client.end();
      }
    } catch {
      // The database is away. Whoever needs it finds out by itself.
    }
    await sleep(RECONNECT_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Until the connection breaks or `signal` fires. */
async function listen(client: pg.Client, { tell, signal }: Listening): Promise<void> {
  client.on('notification', ({ payload }) => tell(payload ?? null));
  const ended = once(client, 'end', { signal }).catch(() => undefined);
  await client.query(`SET idle_session_timeout = 0; LISTEN ${CHANNEL}`);
  tell(null);
  while (!signal.aborted) {
    const isOver = await Promise.race([ended.then(() => true), sleep(ASK_EVERY_MS, false, { signal })]);
    if (isOver) return;
    await client.query('SELECT 1');
  }
}
