import { FLOOR } from './contenders.ts';
import type { Chain } from './incremental-chain.ts';
import { FIRST, OURS, type Sample, type TurnRow } from './incremental-turns.ts';
import { median } from './measure.ts';
import { mebibytes, RESIDENT_MAX, type Row, seconds, table, type Target, targetsSection } from './report.ts';
import { CHANGES } from './stock-changes.ts';

export interface IncrementalReport {
  readonly machine: readonly string[];
  readonly tableBytes: number;
  readonly tableRows: number;
  readonly sliceRows: number;
  readonly turns: readonly TurnRow[];
  readonly chain: Chain;
  readonly startUpSeconds: readonly number[];
  /** Of the contenders: what is compressed and encrypted how. */
  readonly settings: readonly { readonly name: string; readonly settings: string }[];
  readonly skipped: readonly string[];
}

const MiB = 1024 ** 2;

/** An unchanged slice stores a few kilobytes, which would be no mebibytes. */
function size(bytes: number | null): string {
  if (bytes === null) return '–';
  return bytes < MiB ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / MiB).toFixed(bytes < 10 * MiB ? 1 : 0)} MiB`;
}

const times = (value: number): string => `${value.toFixed(2)} ×`;
const share = (value: number): string => `${(value * 100).toFixed(value < 0.1 ? 1 : 0)} %`;
const middle = (samples: readonly Sample[]): number => median(samples.map((sample) => sample.seconds));

function storedOf(samples: readonly Sample[]): number | null {
  const stored = samples.flatMap(({ storedBytes }) => (storedBytes === null ? [] : [storedBytes]));
  return stored.length === 0 ? null : median(stored);
}

function peakOf(samples: readonly Sample[]): number | null {
  const peaks = samples.flatMap(({ peakRssBytes }) => (peakRssBytes === null ? [] : [peakRssBytes]));
  return peaks.length === 0 ? null : Math.max(...peaks);
}

interface Figures {
  readonly toCopy: number;
  /** null: nothing is kept. */
  readonly ofFull: number | null;
}

/** How a row stands to the plain COPY after the same change, and to the first backup of the same contender. */
function figuresOf(row: TurnRow, { turns, startUpSeconds }: IncrementalReport): Figures {
  const samplesOf = (change: string, contender: string) =>
    turns.find((one) => one.change === change && one.contender === contender)?.samples ?? [];
  const startUp = row.contender === OURS ? median(startUpSeconds) : 0;
  const [stored, full] = [storedOf(row.samples), storedOf(samplesOf(FIRST, row.contender))];
  // The peers' first backup was made before the first turn; the floor stands still meanwhile.
  const floor = middle(samplesOf(row.change, FLOOR));
  return { toCopy: (middle(row.samples) - startUp) / floor, ofFull: stored && full && stored / full };
}

function turnsTable(report: IncrementalReport): string {
  const changes = [FIRST, ...Object.values(CHANGES).map(({ name }) => name)];
  const inOrder = changes.flatMap((change) =>
    report.settings.flatMap(({ name }) =>
      report.turns.filter((row) => row.change === change && row.contender === name),
    ),
  );
  const lines = inOrder.map((row, index) => {
    const { toCopy, ofFull } = figuresOf(row, report);
    const all = row.samples.map((sample) => sample.seconds);
    const cells = [
      row.change === inOrder[index - 1]?.change ? '' : `**${row.change}**`,
      row.contender.replaceAll('|', '\\|'),
      seconds(median(all)),
      `${Math.min(...all).toFixed(2)}–${Math.max(...all).toFixed(2)}`,
      times(toCopy),
      size(storedOf(row.samples)),
      ofFull === null ? '–' : share(ofFull),
      mebibytes(peakOf(row.samples)),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| | | median | range | to plain COPY | stored | of its first backup | peak memory |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...lines,
  ].join('\n');
}

function chainSection({ chain }: IncrementalReport): string {
  const { full, incrementals } = chain;
  const stored = incrementals.map(({ storedBytes }) => storedBytes ?? 0);
  const sum = stored.reduce((total, bytes) => total + bytes, 0);
  const all = incrementals.map((sample) => sample.seconds);
  const ofFull = (bytes: number) => share(bytes / (full.storedBytes ?? Number.NaN));
  const lines = [
    ['one of them, median', seconds(median(all)), size(median(stored)), ofFull(median(stored))],
    ['the most', seconds(Math.max(...all)), size(Math.max(...stored)), ofFull(Math.max(...stored))],
    ['together', seconds(all.reduce((total, one) => total + one, 0)), size(sum), ofFull(sum)],
  ].map((cells) => `| ${cells.join(' | ')} |`);
  return [
    `### ${incrementals.length} incrementals one after another, 1 % updated before each`,
    '',
    '| | time | stored | of the full’s |',
    '| --- | ---: | ---: | ---: |',
    ...lines,
    '',
    `Peak memory of the largest: ${mebibytes(peakOf(incrementals))}. A range with eight deltas, or whose deltas exceed a quarter of it, is stored anew.`,
  ].join('\n');
}

function restoreRows({ chain }: IncrementalReport): readonly Row[] {
  const { afterFull, afterChain, link } = chain.restores;
  const row = (name: string, measured: typeof afterFull): Row => ({
    name,
    settings: '',
    seconds: [measured.seconds],
    storedBytes: null,
    peakRssBytes: measured.peakRssBytes,
  });
  return [
    row('of a full backup', afterFull),
    row(`of incremental ${link} of ${chain.incrementals.length}`, afterChain),
  ];
}

function targets(report: IncrementalReport): readonly Target[] {
  const goals = [
    { change: CHANGES.none, toCopy: 0.15 },
    { change: CHANGES.scattered, toCopy: 0.35, ofFull: 0.02 },
    { change: CHANGES.appended, toCopy: 0.35, ofFull: 0.02 },
    { change: CHANGES.deleted, toCopy: 0.6 },
    { change: CHANGES.mixed, toCopy: 0.6 },
  ];
  const found: Target[] = [];
  const add = (what: string, wanted: string, [measured, met]: readonly [string, boolean]) =>
    found.push({ what, wanted, measured, met });
  const ours = report.turns.filter(({ contender }) => contender === OURS);
  for (const { change, toCopy, ofFull } of goals) {
    const row = ours.find((one) => one.change === change.name);
    if (row === undefined) continue;
    const figures = figuresOf(row, report);
    add(`${change.name}, time to the plain COPY`, `≤ ${toCopy} ×`, [times(figures.toCopy), figures.toCopy <= toCopy]);
    if (ofFull === undefined || figures.ofFull === null) continue;
    add(`${change.name}, stored, of the full’s`, `≤ ${share(ofFull)}`, [
      share(figures.ofFull),
      figures.ofFull <= ofFull,
    ]);
  }
  const { afterFull, afterChain } = report.chain.restores;
  const ratio = afterChain.seconds / afterFull.seconds;
  add('restore after the chain, time to one of a full', '≤ 1.5 ×', [times(ratio), ratio <= 1.5]);
  const peak = peakOf([...ours.flatMap(({ samples }) => samples), ...report.chain.incrementals]);
  if (peak !== null) add('peak memory', '≤ 300 MiB', [mebibytes(peak), peak <= RESIDENT_MAX]);
  return found;
}

export function incrementalMarkdown(report: IncrementalReport): string {
  const turns = Math.max(...report.turns.map(({ samples }) => samples.length));
  const sections = [
    report.machine.map((line) => `- ${line}`).join('\n'),
    `The table has ${report.tableRows.toLocaleString('en')} rows in ${mebibytes(report.tableBytes)}; the slice has ${report.sliceRows.toLocaleString('en')} of them.`,
    `### A backup of the slice where the state before is backed up, turns: ${turns}\n\n${turnsTable(report)}`,
    `\`cofre --version\` takes ${seconds(median(report.startUpSeconds))}, which are taken off where Cofre is compared with COPY.`,
    chainSection(report),
    `### Restore into the emptied slice\n\n${table(restoreRows(report))}`,
    targetsSection(targets(report)),
    `### What ran\n\n${report.settings.map(({ name, settings }) => `- ${name}: ${settings}`).join('\n')}`,
  ];
  if (report.skipped.length > 0) sections.push(report.skipped.map((line) => `Skipped: ${line}.`).join('\n'));
  return `${sections.join('\n\n')}\n`;
}
