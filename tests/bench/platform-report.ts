import type { PageTimes } from './list-pages.ts';
import { median } from './measure.ts';
import type { ScheduledResult } from './scheduled-runs.ts';

export interface ScheduledRow {
  readonly name: string;
  readonly settings: string;
  readonly results: readonly ScheduledResult[];
}

export interface PlatformReport {
  readonly machine: readonly string[];
  readonly listed: number;
  readonly pages: readonly PageTimes[];
  readonly implementations: number;
  readonly rowsOfOne: number;
  readonly runs: readonly ScheduledRow[];
}

function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}

const milliseconds = (value: number): string => (Number.isNaN(value) ? '–' : `${value.toFixed(1)} ms`);
const mebibytes = (bytes: number | null): string => (bytes === null ? '–' : `${Math.round(bytes / 1024 ** 2)} MiB`);
const times = (value: number): string => (Number.isNaN(value) ? '–' : `${value.toFixed(2)} ×`);

function pageTable(pages: readonly PageTimes[]): string {
  const lines = pages.map(({ what, rows, firstMs, laterMs }) => {
    const cells = [
      what,
      rows.toLocaleString('en'),
      milliseconds(percentile(firstMs, 0.5)),
      milliseconds(percentile(firstMs, 0.95)),
      milliseconds(percentile(laterMs, 0.5)),
      milliseconds(percentile(laterMs, 0.95)),
      times(percentile(laterMs, 0.95) / percentile(firstMs, 0.95)),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| list | rows | first page, p50 | p95 | later pages, p50 | p95 | p95 to the first’s |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...lines,
  ].join('\n');
}

function runTable(report: PlatformReport): string {
  const secondsOf = ({ results }: ScheduledRow) => median(results.map(({ seconds }) => seconds));
  const floor = secondsOf(report.runs[0] ?? { name: '', settings: '', results: [] });
  const lines = report.runs.map((row) => {
    const seconds = row.results.map((result) => result.seconds);
    const peaks = row.results.map(({ peakRssBytes }) => peakRssBytes);
    const cells = [
      row.name,
      `${(report.implementations / secondsOf(row)).toFixed(1)} / s`,
      `${median(seconds).toFixed(1)} s`,
      `${Math.min(...seconds).toFixed(1)}–${Math.max(...seconds).toFixed(1)}`,
      times(secondsOf(row) / floor),
      String(Math.max(...row.results.map(({ connections }) => connections.peak))),
      Math.max(...row.results.map(({ connections }) => connections.opened)).toLocaleString('en'),
      mebibytes(peaks.includes(null) ? null : Math.max(...peaks.map(Number))),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| | implementations | median | range | to the first row | connections at once | opened | peak memory of one |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...lines,
  ].join('\n');
}

/** How much more two processes do than one. */
function workersLine({ runs }: PlatformReport): string {
  const seconds = (name: string) =>
    median((runs.find((row) => row.name === name)?.results ?? []).map((result) => result.seconds));
  const ratios = ['off', 'on'].map((skip) => {
    const [one, two] = [1, 2].map((workers) => seconds(`cofre schedule run × ${workers}, skip-unchanged ${skip}`));
    return `${times((one ?? Number.NaN) / (two ?? Number.NaN))} with skip-unchanged ${skip}`;
  });
  return `Two processes to one: ${ratios.join(', ')}. Every implementation was done by exactly one process; the benchmark fails otherwise.`;
}

export function platformMarkdown(report: PlatformReport): string {
  const sections = [report.machine.map((line) => `- ${line}`).join('\n')];
  if (report.pages.length > 0) {
    sections.push(
      `### Pages of the list of ${report.listed.toLocaleString('en')} backups\n\n${pageTable(report.pages)}`,
    );
  }
  if (report.runs.length > 0) {
    const many = report.implementations.toLocaleString('en');
    const turns = Math.max(...report.runs.map(({ results }) => results.length));
    sections.push(
      `### A scheduled run over ${many} implementations of ${report.rowsOfOne} rows each, 2 % of which changed, turns: ${turns}\n\n${runTable(report)}`,
      workersLine(report),
      `### What ran\n\n${report.runs.map(({ name, settings }) => `- ${name}: ${settings}`).join('\n')}`,
    );
  }
  return `${sections.join('\n\n')}\n`;
}
