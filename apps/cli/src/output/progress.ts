import type { ProgressEvent } from '@cofre/contracts';
import { unreachable } from '@cofre/contracts';
import cliProgress from 'cli-progress';
import { formatBytes, formatCount, formatDuration } from './words.ts';

export type ProgressStyle = 'none' | 'bar' | 'json';

export interface ProgressDisplay {
  show(event: ProgressEvent): void;
  /** Takes the bar off the screen, so that what is printed next has the line to itself. */
  stop(): void;
}

/** Progress goes to stderr, whatever its style: stdout holds the answer alone. */
export function progressDisplay(style: ProgressStyle, stderr: NodeJS.WriteStream): ProgressDisplay {
  switch (style) {
    case 'none':
      return { show: () => undefined, stop: () => undefined };
    case 'json':
      return { show: (event) => void stderr.write(`${JSON.stringify(event)}\n`), stop: () => undefined };
    case 'bar':
      return new Bar(stderr);
    default:
      return unreachable(style);
  }
}

const PHASES: Readonly<Record<ProgressEvent['phase'], string>> = {
  prepare: 'Preparing',
  read: 'Reading',
  store: 'Storing',
  verify: 'Checking',
  plan: 'Comparing',
  apply: 'Restoring',
  done: 'Done',
};

class Bar implements ProgressDisplay {
  readonly #bar: cliProgress.SingleBar;
  #isStarted = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#bar = new cliProgress.SingleBar({
      stream,
      clearOnComplete: true,
      hideCursor: true,
      fps: 8,
      // Ctrl-C is the command's to handle: it says what became of the work.
      gracefulExit: false,
      format: (_options, params, payload: { event: ProgressEvent }) => line(payload.event, params.progress),
    });
  }

  show(event: ProgressEvent): void {
    const total = Math.max(event.rowsTotal ?? 0, 1);
    if (!this.#isStarted) this.#bar.start(total, 0, { event });
    this.#isStarted = true;
    this.#bar.setTotal(total);
    this.#bar.update(Math.min(event.rows, total), { event });
  }

  stop(): void {
    if (this.#isStarted) this.#bar.stop();
    this.#isStarted = false;
  }
}

const BAR_CELLS = 24;

function line(event: ProgressEvent, share: number): string {
  const { phase, rows, rowsTotal, bytes, elapsedMs } = event;
  const parts = [PHASES[phase]];
  if (rowsTotal !== null && rowsTotal > 0) {
    const done = Math.round(Math.min(1, share) * BAR_CELLS);
    parts.push(`${'━'.repeat(done)}${'─'.repeat(BAR_CELLS - done)}`);
  }
  if (rows > 0) parts.push(`${formatCount(rows)} rows`);
  if (bytes > 0) parts.push(formatBytes(bytes));
  if (bytes > 0 && elapsedMs > 500) parts.push(`${formatBytes((bytes * 1000) / elapsedMs)}/s`);
  const left = timeLeftMs(event);
  if (left !== null) parts.push(`${formatDuration(left)} left`);
  return parts.join('  ');
}

/** The estimate of the rows is the planner's, so the first seconds would promise nonsense. */
function timeLeftMs({ rows, rowsTotal, elapsedMs }: ProgressEvent): number | null {
  if (rowsTotal === null || rows === 0 || rows >= rowsTotal || elapsedMs < 2000) return null;
  return (elapsedMs / rows) * (rowsTotal - rows);
}
