import type { StatisticsDocument } from '@cofre/contracts';
import { showStatistics } from '@cofre/services';
import { parseSince } from '../durations.ts';
import { oneLine, textTable } from '../output/text-table.ts';
import { counted, formatBytes, formatCount, formatDuration, formatTime } from '../output/words.ts';
import { type Command, present } from '../run.ts';

export const stats: Command = async (run) => {
  const statistics = await showStatistics(await run.composition.service(), {
    ...present('implementation', run.text('implementation')),
    ...present('module', run.text('module')),
    ...present('since', parseSince(run.text('since'), run.composition.clock.now())),
  });
  run.print(statistics, () => describe(statistics));
  return undefined;
};

function describe(statistics: StatisticsDocument): string {
  const lines = [
    ...storedLines(statistics),
    ...careLines(statistics),
    ...periodLines(statistics),
    ...repositoryLine(statistics),
  ].map(([label, value]) => `${label.padEnd(12)} ${value}`);
  if (statistics.implementations.length === 0) return lines.join('\n');
  return [...lines, '', placeTable(statistics), ...leftOut(statistics)].join('\n');
}

type Line = readonly [label: string, value: string];

function storedLines({ implementation, module, backups }: StatisticsDocument): Line[] {
  const of = implementation ?? (module === undefined ? 'everything' : `the module ${module}`);
  return [
    ['Of', oneLine(of)],
    ['Backups', `${formatCount(backups.total)}${amongThem(backups.byStatus, 'completed')}`],
    ['Types', listed(backups.byType)],
    ['Made by', listed(backups.byOrigin)],
    ['Holding', `${counted(backups.rows, 'row')}, ${formatBytes(backups.bytesRaw)} as text`],
    ['Stored', `${formatBytes(backups.bytesStored)}${shareOf(backups.bytesStored, backups.bytesRaw)}`],
    ['Newest', formatTime(backups.newestAt)],
    ['Oldest', formatTime(backups.oldestAt)],
  ];
}

function careLines({ backups }: StatisticsDocument): Line[] {
  const { verified, proven, held, expiredKept, orphans, missing } = backups;
  const completed = backups.byStatus.completed;
  const checked = ({ backups: count, newestAt, oldestAt }: typeof verified): string =>
    count === 0
      ? `none of ${formatCount(completed)}`
      : `${formatCount(count)} of ${formatCount(completed)}, the last ${formatTime(newestAt)}, the longest ago ${formatTime(oldestAt)}`;
  const apart = [
    ...(held > 0 ? [`${formatCount(held)} on hold`] : []),
    ...(expiredKept > 0 ? [`${formatCount(expiredKept)} expired and still there`] : []),
    ...(orphans > 0 ? [`${formatCount(orphans)} of deleted implementations`] : []),
    ...(missing > 0 ? [`${formatCount(missing)} whose manifest is gone`] : []),
  ];
  const lines: Line[] = [
    ['Verified', checked(verified)],
    ['Proven', checked(proven)],
  ];
  return apart.length === 0 ? lines : [...lines, ['Besides', apart.join(', ')]];
}

function periodLines({ since, period: { backups, restores } }: StatisticsDocument): Line[] {
  return [
    [
      'Since',
      `${formatTime(since)}: ${[
        `${counted(backups.completed, 'backup')} completed`,
        `${formatCount(backups.failed)} failed`,
        ...(backups.canceled > 0 ? [`${formatCount(backups.canceled)} cancelled`] : []),
        ...rate(backups.successRate),
        ...took(backups),
        `${formatBytes(backups.bytesStored)} stored`,
      ].join(', ')}`,
    ],
    [
      '',
      [
        `${counted(restores.done, 'restore')} done`,
        `${formatCount(restores.failed)} failed`,
        `${formatCount(restores.undone)} undone`,
        ...rate(restores.successRate),
        ...took(restores),
      ].join(', '),
    ],
  ];
}

function repositoryLine({ repository, repositoryError }: StatisticsDocument): Line[] {
  if (repositoryError !== undefined) return [['Repository', `not measured: ${oneLine(repositoryError.message)}`]];
  if (repository === undefined) return [];
  const atLeast = repository.complete ? '' : 'more than ';
  return [['Repository', `${atLeast}${formatBytes(repository.bytes)} in ${counted(repository.objects, 'object')}`]];
}

function placeTable({ implementations }: StatisticsDocument): string {
  const rows = implementations.map((place) => [
    `${place.module}/${place.key}${place.gone ? ' (deleted)' : ''}`,
    formatCount(place.backups),
    formatCount(place.rows),
    formatBytes(place.bytesRaw),
    formatBytes(place.bytesStored),
    place.completed + place.failed === 0
      ? '–'
      : `${formatCount(place.completed)}/${formatCount(place.completed + place.failed)}`,
    formatTime(place.newestAt),
    formatTime(place.lastVerifiedAt),
    formatTime(place.lastProvenAt),
  ]);
  const headers = [
    'IMPLEMENTATION',
    'BACKUPS',
    'ROWS',
    'AS TEXT',
    'STORED',
    'SUCCEEDED',
    'NEWEST',
    'LAST VERIFIED',
    'LAST PROVEN',
  ];
  return textTable(headers, rows, { right: ['BACKUPS', 'ROWS', 'AS TEXT', 'STORED', 'SUCCEEDED'] });
}

function leftOut({ implementationsLeftOut: count }: StatisticsDocument): string[] {
  return count === 0 ? [] : [`And ${counted(count, 'implementation')} that store less.`];
}

/** `12 full, 30 incremental`; what there is none of is left out. */
function listed(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).filter(([, count]) => count > 0);
  return parts.length === 0 ? 'none' : parts.map(([name, count]) => `${formatCount(count)} ${name}`).join(', ');
}

/** What of the whole is not as it is most of the time. */
function amongThem(counts: Readonly<Record<string, number>>, usual: string): string {
  const others = Object.fromEntries(Object.entries(counts).filter(([name]) => name !== usual));
  return Object.values(others).some((count) => count > 0) ? `, of them ${listed(others)}` : '';
}

function shareOf(part: number, whole: number): string {
  return whole === 0 ? '' : `, ${percent(part / whole)} of that`;
}

function rate(successRate: number | null): string[] {
  return successRate === null ? [] : [`${percent(successRate)} succeeded`];
}

function took({ averageMs, p95Ms }: { readonly averageMs: number | null; readonly p95Ms: number | null }): string[] {
  if (averageMs === null || p95Ms === null) return [];
  return [`${formatDuration(averageMs)} on average, 95 % within ${formatDuration(p95Ms)}`];
}

/** Never rounded up to 100: a failure among thousands must be seen. */
function percent(share: number): string {
  const shown = Math.floor(share * 1000) / 10;
  return `${share < 1 ? shown.toFixed(1) : Math.round(share * 100)} %`;
}
