import { type JobDocument, jobState } from '@cofre/contracts';
import { cancelJob, listJobs, showJob } from '@cofre/services';
import { textTable } from '../output/text-table.ts';
import { formatBytes, formatCount, formatDuration, formatTime, shortId } from '../output/words.ts';
import { type Command, present } from '../run.ts';
import { oneOf } from './backup.ts';

export const jobList: Command = async (run) => {
  const page = await listJobs(await run.composition.service(), {
    ...present('state', oneOf(run, 'state', jobState)),
    ...present('implementation', run.text('implementation')),
    ...present('limit', run.integer('limit')),
    ...present('cursor', run.text('cursor')),
  });
  run.print(page, () => {
    if (page.items.length === 0) return 'There are no jobs here.';
    const more = page.nextCursor === null ? [] : [`There are more: --cursor ${page.nextCursor}`];
    return [jobTable(page.items), ...waitingHint(page.items), ...more].join('\n');
  });
  return undefined;
};

export const jobShow: Command = async (run) => {
  const job = await showJob(await run.composition.service(), { job: run.operand(0) });
  run.print(job, () => describeJob(job));
  return undefined;
};

export const jobCancel: Command = async (run) => {
  const job = await cancelJob(await run.composition.service(), { job: run.operand(0) });
  run.print(job, () => describeCanceled(job));
  return undefined;
};

function jobTable(jobs: readonly JobDocument[]): string {
  const rows = jobs.map((job) => [job.id, job.kind, named(job), job.state, formatTime(job.createdAt), progressOf(job)]);
  return textTable(['ID', 'KIND', 'IMPLEMENTATION', 'STATE', 'ASKED FOR', 'PROGRESS'], rows);
}

function named({ implementation }: JobDocument): string {
  return implementation === null ? '–' : `${implementation.module}/${implementation.key}`;
}

function progressOf({ progress, state, error }: JobDocument): string {
  if (error !== undefined) return error.code;
  if (progress === null || state !== 'running') return '';
  const { phase, rows, bytes, remainingMs } = progress;
  const left = remainingMs === null ? '' : `, ${formatDuration(remainingMs)} left`;
  return `${phase}, ${formatCount(rows)} rows, ${formatBytes(bytes)}${left}`;
}

/** No worker runs: the most frequent reason why nothing happens. */
function waitingHint(jobs: readonly JobDocument[]): readonly string[] {
  if (!jobs.some(({ waitingForWorker }) => waitingForWorker)) return [];
  return ['No worker was seen lately; `cofre worker` starts one.'];
}

function describeJob(job: JobDocument): string {
  const facts: readonly (readonly [string, string])[] = [
    ['Job', job.id],
    ['Kind', job.kind],
    ['Implementation', named(job)],
    ['State', job.cancelRequested && job.state === 'running' ? 'running, asked to stop' : job.state],
    ['Asked for', `${formatTime(job.createdAt)} by ${job.createdBy ?? '–'}`],
    ['Begun', formatTime(job.startedAt)],
    ['Ended', formatTime(job.endedAt)],
    ['Attempts', formatCount(job.attempts)],
    ...(job.backupId === null ? [] : ([['Backup', job.backupId]] as const)),
    ...(job.state === 'running' ? ([['Progress', progressOf(job)]] as const) : []),
    ...(job.error === undefined ? [] : ([['Error', `${job.error.message} ${job.error.hint}`]] as const)),
  ];
  const lines = facts.map(([name, value]) => `${name.padEnd(15)} ${value}`);
  return [...lines, ...waitingHint([job])].join('\n');
}

function describeCanceled(job: JobDocument): string {
  const id = shortId(job.id);
  if (job.state === 'canceled') return `The job ${id} is cancelled. Nothing was changed by it.`;
  if (job.state === 'running') return `The job ${id} was asked to stop; \`cofre job show ${job.id}\` says when it has.`;
  return `The job ${id} had ended already: it is ${job.state}.`;
}
