import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { median } from './measure.ts';

export interface Row {
  readonly name: string;
  readonly settings: string;
  readonly seconds: readonly number[];
  readonly storedBytes: number | null;
  readonly peakRssBytes: number | null;
}

export interface Report {
  readonly machine: readonly string[];
  readonly tableBytes: number;
  readonly tableRows: number;
  readonly sliceRows: number;
  readonly backups: readonly Row[];
  readonly restores: readonly Row[];
  readonly startUpSeconds: readonly number[];
  readonly skipped: readonly string[];
}

const MiB = 1024 * 1024;
export const seconds = (value: number): string => `${value.toFixed(2)} s`;
export const mebibytes = (bytes: number | null): string => (bytes === null ? '–' : `${Math.round(bytes / MiB)} MiB`);

/** How each median stands to the first row's. */
export function table(rows: readonly Row[]): string {
  const floor = median(rows[0]?.seconds ?? []);
  const lines = rows.map((row) => {
    const middle = median(row.seconds);
    const range = `${Math.min(...row.seconds).toFixed(2)}–${Math.max(...row.seconds).toFixed(2)}`;
    const cells = [
      row.name.replaceAll('|', '\\|'),
      seconds(middle),
      range,
      `${(middle / floor).toFixed(2)} ×`,
      mebibytes(row.storedBytes),
      mebibytes(row.peakRssBytes),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| | median | range | to the first row | stored | peak memory |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...lines,
  ].join('\n');
}

export interface Target {
  readonly what: string;
  readonly wanted: string;
  readonly measured: string;
  readonly met: boolean;
}

export const RESIDENT_MAX = 300 * MiB;

function targets(report: Report): readonly Target[] {
  const found: Target[] = [];
  const [floor] = report.backups;
  const ours = report.backups.find(({ name }) => name.startsWith('cofre'));
  const restic = report.backups.find(({ name }) => name.includes('restic'));
  const add = (what: string, wanted: string, [measured, met]: readonly [string, boolean]) =>
    found.push({ what, wanted, measured, met });
  if (floor !== undefined && ours !== undefined) {
    const ratio = median(ours.seconds) / median(floor.seconds);
    add('backup, time to the plain COPY', '≤ 1.25 ×', [`${ratio.toFixed(2)} ×`, ratio <= 1.25]);
    if (ours.peakRssBytes !== null) {
      add('backup, peak memory', '≤ 300 MiB', [mebibytes(ours.peakRssBytes), ours.peakRssBytes <= RESIDENT_MAX]);
    }
    if (restic !== undefined) {
      const fits = (ours.storedBytes ?? 0) <= (restic.storedBytes ?? 0);
      add('stored bytes', `≤ restic’s ${mebibytes(restic.storedBytes)}`, [mebibytes(ours.storedBytes), fits]);
    }
  }
  const [copyFrom, restore] = report.restores;
  if (copyFrom !== undefined && restore !== undefined) {
    const ratio = median(restore.seconds) / median(copyFrom.seconds);
    add('restore, time to the plain COPY FROM', '≤ 1.5 ×', [`${ratio.toFixed(2)} ×`, ratio <= 1.5]);
    if (restore.peakRssBytes !== null) {
      add('restore, peak memory', '≤ 300 MiB', [mebibytes(restore.peakRssBytes), restore.peakRssBytes <= RESIDENT_MAX]);
    }
  }
  if (report.startUpSeconds.length > 0) {
    const middle = median(report.startUpSeconds);
    add('`cofre --version`', '≤ 0.25 s', [seconds(middle), middle <= 0.25]);
  }
  return found;
}

export function targetsSection(goals: readonly Target[]): string {
  const lines = goals.map(
    ({ what, wanted, measured, met }) => `| ${what} | ${wanted} | ${measured} | ${met ? 'yes' : '**no**'} |`,
  );
  return `### Targets\n\n| | wanted | measured | met |\n| --- | --- | --- | --- |\n${lines.join('\n')}`;
}

export function markdown(report: Report): string {
  const settings = [...report.backups, ...report.restores].map((row) => `- ${row.name}: ${row.settings}`);
  const turns = (rows: readonly Row[]) => Math.max(0, ...rows.map((row) => row.seconds.length));
  const sections = [
    report.machine.map((line) => `- ${line}`).join('\n'),
    `The table has ${report.tableRows.toLocaleString('en')} rows in ${mebibytes(report.tableBytes)}; the slice has ${report.sliceRows.toLocaleString('en')} of them.`,
    `### Backup of the slice, turns: ${turns(report.backups)}\n\n${table(report.backups)}`,
  ];
  if (report.restores.length > 0) {
    sections.push(`### Restore into the emptied slice, turns: ${turns(report.restores)}\n\n${table(report.restores)}`);
  }
  const goals = targets(report);
  if (goals.length > 0) sections.push(targetsSection(goals));
  sections.push(`### What ran\n\n${settings.join('\n')}`);
  if (report.skipped.length > 0) sections.push(report.skipped.map((line) => `Skipped: ${line}.`).join('\n'));
  return `${sections.join('\n\n')}\n`;
}

const PAGE = path.resolve(import.meta.dirname, '../../docs/benchmarks.md');

/** Puts the figures of a benchmark between its marks in docs/benchmarks.md. */
export async function writePage(name: string, text: string): Promise<void> {
  const begin = `<!-- ${name}: begin (written by script/bench ${name}) -->`;
  const end = `<!-- ${name}: end -->`;
  const page = await readFile(PAGE, 'utf8');
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`${PAGE} lacks the marks for the figures`);
  await writeFile(PAGE, `${before}${begin}\n\n${text}\n${end}${after}`);
}
