import { median } from './measure.ts';
import { type Scrolling, type Visit, WIDTHS } from './web-browser.ts';
import type { LighthouseFigures } from './web-lighthouse.ts';
import type { RequestTimes } from './web-requests.ts';

export interface WebReport {
  readonly machine: readonly string[];
  readonly backups: number;
  readonly rows: number;
  readonly requests: readonly RequestTimes[];
  readonly visits: readonly Visit[];
  /** Compressed, of every page, whatever is on it. */
  readonly frameworkBytes: number;
  /** While a backup is asked for. */
  readonly startingShift: readonly { readonly width: number; readonly layoutShift: number }[];
  readonly scrolling: readonly Scrolling[];
  readonly lighthouse: readonly LighthouseFigures[];
  /** Pages that the figures of Lighthouse are promised for. */
  readonly promised: readonly string[];
}

const SERVER_MS_MAX = 200;
const LAYOUT_SHIFT_MAX = 0.05;
const SCORE_MIN = 95;
const SCRIPT_BYTES_MAX = 150_000;

const milliseconds = (value: number): string => `${value.toFixed(0)} ms`;
const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(0)} kB`;

function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, index) => (index === 0 ? '---' : '---:'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}

function pageTable({ requests, visits }: WebReport): string {
  const rows = requests.map(({ what, ms, bytes }) => {
    const seen = visits.filter((visit) => visit.what === what);
    const shift = (width: number) => seen.find((visit) => visit.width === width)?.layoutShift.toFixed(3) ?? '–';
    const actions = seen.flatMap(({ actionMs }) => actionMs);
    return [
      what,
      milliseconds(percentile(ms, 0.5)),
      milliseconds(percentile(ms, 0.95)),
      kilobytes(bytes),
      seen[0] === undefined ? '–' : kilobytes(seen[0].scriptBytes),
      actions.length === 0 ? '–' : milliseconds(median(actions)),
      ...WIDTHS.map(shift),
    ];
  });
  const shifts = WIDTHS.map((width) => `shift at ${width} px`);
  return table(['page', 'server, p50', 'p95', 'bytes', 'scripts', 'its calls, p50', ...shifts], rows);
}

function scrollingTable({ scrolling }: WebReport): string {
  const rows = scrolling.map(({ width, frames, slowFrames, slowestMs }) => [
    `${width} px`,
    String(frames),
    String(slowFrames),
    milliseconds(slowestMs),
  ]);
  return table(['scrolling', 'frames', 'later than 50 ms', 'the slowest'], rows);
}

function lighthouseTable({ lighthouse }: WebReport): string {
  const rows = lighthouse.map(({ what, device, performance, accessibility, lost }) => [
    `${what}, ${device}`,
    String(performance),
    String(accessibility),
    lost.join('; ') || '–',
  ]);
  return table(['page', 'performance', 'accessibility', 'what cost points'], rows);
}

interface Target {
  readonly what: string;
  readonly wanted: string;
  readonly measured: string;
  readonly met: boolean;
}

function targets({
  requests,
  visits,
  frameworkBytes,
  startingShift,
  scrolling,
  lighthouse,
  promised,
}: WebReport): readonly Target[] {
  const serverMs = Math.max(...requests.map(({ ms }) => median(ms)));
  const shift = Math.max(...[...visits, ...startingShift].map(({ layoutShift }) => layoutShift));
  const slow = scrolling.reduce((sum, { slowFrames }) => sum + slowFrames, 0);
  const scripts = Math.max(...visits.map(({ scriptBytes }) => scriptBytes));
  const judged = lighthouse.filter(({ what }) => promised.includes(what));
  const score = (name: 'performance' | 'accessibility') => Math.min(...judged.map((it) => it[name]));
  const found: Target[] = [];
  if (requests.length > 0)
    found.push({
      what: 'server, the slowest page’s median',
      wanted: `< ${SERVER_MS_MAX} ms`,
      measured: milliseconds(serverMs),
      met: serverMs < SERVER_MS_MAX,
    });
  if (visits.length > 0)
    found.push(
      {
        what: 'layout shift, the most of any page',
        wanted: `≤ ${LAYOUT_SHIFT_MAX}`,
        measured: shift.toFixed(3),
        met: shift <= LAYOUT_SHIFT_MAX,
      },
      { what: 'frames over 50 ms while scrolling', wanted: '0', measured: String(slow), met: slow === 0 },
      {
        what: 'scripts of the heaviest page, where the framework allows',
        wanted: `≤ ${kilobytes(SCRIPT_BYTES_MAX)}`,
        measured: `${kilobytes(scripts)}, of them the framework’s own ${kilobytes(frameworkBytes)}`,
        met: scripts <= SCRIPT_BYTES_MAX,
      },
    );
  if (judged.length > 0)
    for (const name of ['performance', 'accessibility'] as const)
      found.push({
        what: `Lighthouse, ${name}, the least`,
        wanted: `≥ ${SCORE_MIN}`,
        measured: String(score(name)),
        met: score(name) >= SCORE_MIN,
      });
  return found;
}

export function webMarkdown(report: WebReport): string {
  const [backups, rows] = [report.backups, report.rows].map((count) => count.toLocaleString('en'));
  const goals = targets(report).map(({ what, wanted, measured, met }) => [
    what,
    wanted,
    measured,
    met ? 'yes' : '**no**',
  ]);
  const starting = report.startingShift.map(({ width, layoutShift }) => `${layoutShift.toFixed(3)} at ${width} px`);
  const sections = [report.machine.map((line) => `- ${line}`).join('\n')];
  if (report.requests.length > 0)
    sections.push(
      `### Pages, with ${backups} backups of one implementation and a preview of ${rows} changed rows\n\n${pageTable(report)}`,
    );
  if (report.scrolling.length > 0)
    sections.push(
      `While a backup is asked for and its card comes, the layout shifts by ${starting.join(', ')}.`,
      `### Scrolling through the preview\n\n${scrollingTable(report)}`,
    );
  if (report.lighthouse.length > 0) sections.push(`### Lighthouse\n\n${lighthouseTable(report)}`);
  sections.push(`### Targets\n\n${table(['', 'wanted', 'measured', 'met'], goals)}`);
  return `${sections.join('\n\n')}\n`;
}
