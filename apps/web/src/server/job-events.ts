import { isCofreError, type JobDocument } from '@cofre/contracts';
import { type JobNotices, listenForJobs, listJobs, type ServiceContext, showJob } from '@cofre/services';
import { type Wording, wordedJob } from './worded.ts';

/** Says that the line is open, through proxies that close quiet ones; the session is asked for again as often. */
const HEARTBEAT_MS = 15_000;
/** Progress is written several times a second; people read once. */
const GATHER_MS = 400;
/** The newest so many are sent at first and after anything may have been missed. */
const JOBS_SENT_MAX = 20;

let listening: JobNotices | undefined;

/** One connection that listens, for everybody who looks. */
function notices({ database }: ServiceContext): JobNotices {
  listening ??= listenForJobs(database);
  return listening;
}

export interface JobEventOptions {
  /** In the name of who looks: what they may not see is not sent. */
  readonly service: ServiceContext;
  /** Ids: of an implementation, whose jobs are sent, or of one job; neither: jobs of all. */
  readonly asked: { readonly implementation?: string | undefined } | { readonly job: string };
  readonly wording: Wording;
  /** Asked again and again; false ends the stream. */
  readonly mayGoOn: () => Promise<boolean>;
  /** Fires when the browser is gone. */
  readonly signal: AbortSignal;
}

/** Jobs as they change, as server-sent events of the name `jobs`, each a list of job documents. */
export function jobEvents(options: JobEventOptions): ReadableStream<Uint8Array> {
  let end = () => {};
  return new ReadableStream<Uint8Array>({
    start(controller) {
      end = follow(options, controller);
    },
    cancel() {
      end();
    },
  });
}

function follow(options: JobEventOptions, controller: ReadableStreamDefaultController<Uint8Array>): () => void {
  const { service, mayGoOn, signal } = options;
  const encoder = new TextEncoder();
  const changed = new Set<string>();
  let isAllWanted = true;
  let isEnded = false;
  let gathering: NodeJS.Timeout | null = null;
  const send = (text: string) => {
    if (!isEnded) controller.enqueue(encoder.encode(text));
  };
  const end = () => {
    if (isEnded) return;
    isEnded = true;
    unsubscribe();
    clearInterval(heartbeat);
    if (gathering !== null) clearTimeout(gathering);
    try {
      controller.close();
    } catch {
      // The browser was first.
    }
  };
  const flush = async () => {
    gathering = null;
    const ids = [...changed];
    const isAll = isAllWanted;
    changed.clear();
    isAllWanted = false;
    const jobs = isAll ? await newestJobs(options) : await readJobs(options, ids);
    if (isAll || jobs.length > 0) send(`event: jobs\ndata: ${JSON.stringify(jobs)}\n\n`);
  };
  const gather = () => {
    // The browser looks by itself when the line is closed, and asks for another.
    gathering ??= setTimeout(() => void flush().catch(end), GATHER_MS);
  };
  const unsubscribe = notices(service).subscribe((jobId) => {
    if (jobId === null) isAllWanted = true;
    else changed.add(jobId);
    gather();
  });
  const heartbeat = setInterval(() => {
    void mayGoOn().then((may) => (may ? send(': \n\n') : end()), end);
  }, HEARTBEAT_MS);
  signal.addEventListener('abort', end, { once: true });
  void flush().catch(end);
  return end;
}

async function newestJobs(options: JobEventOptions): Promise<readonly JobDocument[]> {
  const { service, asked, wording } = options;
  if ('job' in asked) return readJobs(options, [asked.job]);
  const { implementation } = asked;
  const which = implementation === undefined ? {} : { implementation };
  const { items } = await listJobs(service, { ...which, limit: JOBS_SENT_MAX });
  return items.map((job) => wordedJob(job, wording));
}

async function readJobs(
  { service, asked, wording }: JobEventOptions,
  ids: readonly string[],
): Promise<readonly JobDocument[]> {
  const wanted = 'job' in asked ? ids.filter((id) => id === asked.job) : ids;
  const jobs = await Promise.all(wanted.map((id) => readJob(service, id)));
  const implementation = 'job' in asked ? undefined : asked.implementation;
  return jobs
    .filter((job) => job !== null)
    .filter((job) => implementation === undefined || job.implementation?.id === implementation)
    .map((job) => wordedJob(job, wording));
}

async function readJob(service: ServiceContext, id: string): Promise<JobDocument | null> {
  try {
    return await showJob(service, { job: id });
  } catch (error) {
    // Jobs that ended long ago are cleaned away.
    if (isCofreError(error, 'job/not-found')) return null;
    throw error;
  }
}
