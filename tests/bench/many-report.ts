import type { StoreCounts } from '@cofre/storage';
import { median } from './measure.ts';

export interface ManyRow {
  readonly name: string;
  readonly results: {
    readonly seconds: number;
    /** Plain COPY of all tables right before. */
    readonly floor: number;
    readonly peakRssBytes: number | null;
    readonly storedBytes: number;
  }[];
}

export interface ManyReport {
  readonly machine: readonly string[];
  readonly implementations: number;
  readonly rowsOfOne: number;
  readonly rows: readonly ManyRow[];
  /** Of the repeat with 1 % changed. */
  readonly requests: StoreCounts['calls'];
}

const mebibytes = (bytes: number | null): string => (bytes === null ? '–' : `${(bytes / 1024 ** 2).toFixed(1)} MiB`);

/** Each implementation's own manifest is put, and that of the backup before is read; what comes to it is for all together. */
function requestsLine({ implementations, requests }: ManyReport): string {
  const { put, get, stat, list } = requests;
  const more = put + get + stat + list + requests.delete - 2 * implementations;
  const each = ((more * 100) / implementations).toFixed(1);
  return (
    `Requests to the store of a repeat with 1 % changed: ${put} put, ${get} get, ${stat} stat, ${list} list, ` +
    `${requests.delete} delete. That is ${each} for 100 implementations besides the manifest that each puts and the one that it reads.`
  );
}

export function manyMarkdown(report: ManyReport): string {
  const many = report.implementations.toLocaleString('en');
  const lines = report.rows.map(({ name, results }) => {
    const seconds = results.map((result) => result.seconds);
    const peaks = results.map(({ peakRssBytes }) => peakRssBytes);
    const cells = [
      name,
      `${(report.implementations / median(seconds)).toFixed(0)} / s`,
      `${median(seconds).toFixed(2)} s`,
      `${Math.min(...seconds).toFixed(2)}–${Math.max(...seconds).toFixed(2)}`,
      `${median(results.map((result) => result.seconds / result.floor)).toFixed(2)} ×`,
      mebibytes(median(results.map(({ storedBytes }) => storedBytes))),
      mebibytes(peaks.includes(null) ? null : Math.max(...peaks.map(Number))),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return `${[
    report.machine.map((line) => `- ${line}`).join('\n'),
    `### ${many} implementations of three tables with ${report.rowsOfOne / 3} rows each, backed up by one command`,
    [
      '| | implementations | median | range | to plain COPY | stored | peak memory |',
      '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
      ...lines,
    ].join('\n'),
    `${requestsLine(report)} Whole process, with its start; encrypted, zstd; plain COPY: the three tables whole, to files.`,
  ].join('\n\n')}\n`;
}
