import {
  backupStatus,
  backupOrder,
  backupType,
  type BackupDocument,
  CofreError,
  compression,
  type CreateBackupsInput,
  ERROR_CODES,
  type ErrorCode,
} from '@cofre/contracts';
import {
  type BackupBatch,
  createBackup,
  createBackups,
  deleteBackup,
  holdBackup,
  listBackups,
  readBackupRows,
  releaseBackup,
  showBackup,
  verifyAllBackups,
  verifyBackup,
} from '@cofre/services';
import type { z } from 'zod';
import { parseExpiry, parseSince } from '../durations.ts';
import { EXIT_DAMAGE, EXIT_FAILED, EXIT_PARTLY_DONE } from '../exit-codes.ts';
import { oneLine, textTable } from '../output/text-table.ts';
import { counted, formatBytes, formatCount, formatDuration, formatTime, shortId } from '../output/words.ts';
import { type Command, present, type Run } from '../run.ts';
import { describeVerification } from './proof-words.ts';

export const backupCreate: Command = async (run) => {
  const which = chosenImplementations(run);
  const options = {
    type: oneOf(run, 'type', backupType) ?? 'full',
    ...present('expiresAt', parseExpiry(run.text('expires'), run.composition.clock.now())),
    ...present('description', run.text('description')),
    ...present('compression', oneOf(run, 'compression', compression)),
  };
  const context = await run.composition.withRepository();
  const [only, ...others] = 'named' in which ? which.named : [];
  if (only !== undefined && others.length === 0) {
    const backup = await createBackup(context, { ...options, implementation: only });
    run.print(backup, () => describeCreated(backup, options.type));
    return undefined;
  }
  const batch = await createBackups(context, { ...options, implementations: which });
  run.print(batch, () => describeBatch(batch));
  return batchExitCode(batch);
};

export const backupList: Command = async (run) => {
  const input = {
    ...present('implementation', run.text('implementation')),
    ...present('type', oneOf(run, 'type', backupType)),
    ...present('status', oneOf(run, 'status', backupStatus)),
    ...present('module', run.text('module')),
    ...present('since', parseSince(run.text('since'), run.composition.clock.now())),
    ...present('until', parseSince(run.text('until'), run.composition.clock.now())),
    ...(run.flag('expired') ? { expired: true } : {}),
    ...(run.flag('held') ? { held: true } : {}),
    ...present('text', run.text('text')),
    ...present('sort', oneOf(run, 'sort', backupOrder)),
    ...present('limit', run.integer('limit')),
    ...present('cursor', run.text('cursor')),
  };
  const page = await listBackups(await run.composition.service(), input);
  run.print(page, () => {
    if (page.items.length === 0) return 'There are no backups here; `cofre backup create` makes one.';
    const more = page.nextCursor === null ? [] : [`There are more: --cursor ${page.nextCursor}`];
    return [backupTable(page.items), ...more].join('\n');
  });
  return undefined;
};

export const backupShow: Command = async (run) => {
  const backup = await showBackup(await run.composition.service(), { backup: run.operand(0) });
  run.print(backup, () => describeBackup(backup));
  return undefined;
};

export const backupRows: Command = async (run) => {
  run.refuseNotYet(['where']);
  const input = { backup: run.operand(0), table: run.operand(1), ...present('limit', run.integer('limit')) };
  const rows = await readBackupRows(await run.composition.withRepository(), input);
  run.print(rows, () => {
    const cells = rows.rows.map((row) => rows.columns.map((column) => row[column] ?? 'NULL'));
    const total = `${formatCount(rows.rows.length)} of ${counted(rows.rowsTotal, 'row')}.`;
    return rows.rows.length === 0
      ? `${rows.table} has no rows in this backup.`
      : `${textTable(rows.columns, cells)}\n${total}`;
  });
  return undefined;
};

export const backupVerify: Command = async (run) => {
  const [backup] = run.operands;
  if ((backup === undefined) !== run.flag('all')) {
    throw new CofreError('usage/invalid', 'Name one backup, or say --all. Nothing was started.');
  }
  const restore = run.flag('restore');
  const context = await run.composition.withRepository();
  const check =
    backup === undefined
      ? await verifyAllBackups(context, { restore })
      : await verifyBackup(context, { backup, restore });
  run.print(check, () => describeVerification(check));
  if (!check.ok) return EXIT_DAMAGE;
  const failures = check.failed ?? [];
  return batchExitCode({ items: check.proofs ?? [], failures });
};

export const backupHold: Command = async (run) => {
  const input = { backup: run.operand(0), ...present('reason', run.text('reason')) };
  const backup = await holdBackup(await run.composition.service(), input);
  run.print(backup, () => `The backup ${shortId(backup.id)} of ${named(backup)} is on hold: nothing deletes it.`);
  return undefined;
};

export const backupRelease: Command = async (run) => {
  const backup = await releaseBackup(await run.composition.service(), { backup: run.operand(0) });
  const ends = backup.expiresAt === null ? 'It never expires.' : `It expires ${formatTime(backup.expiresAt)}.`;
  run.print(backup, () => `The backup ${shortId(backup.id)} of ${named(backup)} is not on hold. ${ends}`);
  return undefined;
};

export const backupDelete: Command = async (run) => {
  const context = await run.composition.service();
  const backup = await showBackup(context, { backup: run.operand(0) });
  if (!run.flag('yes')) {
    throw new CofreError(
      'usage/confirmation-needed',
      `This deletes the backup ${backup.id} of ${named(backup)}, made ${formatTime(backup.createdAt)}. Nothing was deleted.`,
      { params: { backupId: backup.id }, hint: 'Call again with --yes if that is meant.' },
    );
  }
  const deleted = await deleteBackup(context, { backup: backup.id });
  run.print(
    deleted,
    () => `Deleted the backup ${shortId(deleted.id)} of ${named(deleted)}. No other backup is affected.`,
  );
  return undefined;
};

function chosenImplementations(run: Run): CreateBackupsInput['implementations'] {
  const module = run.text('module');
  const ways = [run.operands.length > 0, module !== undefined, run.flag('all')].filter(Boolean).length;
  if (ways !== 1) {
    throw new CofreError('usage/invalid', 'Name implementations, or --module SLUG, or --all. Nothing was started.');
  }
  if (module !== undefined) return { module };
  return run.flag('all') ? { all: true } : { named: [...run.operands] };
}

/** An option that takes one of some words. */
export function oneOf<Value extends string>(
  run: Run,
  name: string,
  words: z.ZodEnum<Record<Value, Value>>,
): Value | undefined {
  const text = run.text(name);
  if (text === undefined) return undefined;
  const result = words.safeParse(text);
  if (result.success) return result.data;
  throw new CofreError(
    'usage/invalid',
    `--${name} takes ${words.options.join(', ')}, not "${text}". Nothing was started.`,
  );
}

function batchExitCode({
  items,
  failures,
}: {
  readonly items: readonly unknown[];
  readonly failures: BackupBatch['failures'];
}): number | undefined {
  if (failures.length === 0) return undefined;
  if (items.length > 0) return EXIT_PARTLY_DONE;
  const codes = new Set(failures.map(({ error }) => ERROR_CODES[error.code as ErrorCode]?.exit ?? EXIT_FAILED));
  const [code] = codes;
  return codes.size === 1 ? code : EXIT_FAILED;
}

function named({ implementation: { module, key } }: BackupDocument): string {
  return `${module}/${key}`;
}

function describeCreated(backup: BackupDocument, askedFor: string): string {
  const { stats, probe } = backup;
  const size = `${counted(stats.rows, 'row')} in ${counted(stats.tables, 'table')}, ${formatBytes(stats.bytesRaw)} as text, ${formatBytes(stats.bytesStored)} newly stored`;
  const lines = [
    `Backed up ${named(backup)} as ${shortId(backup.id)} (${backup.type}): ${size}, in ${formatDuration(stats.durationMs)}.`,
  ];
  if (backup.type !== askedFor) lines.push(`You asked for ${askedFor}: ${probe.reason ?? ''}.`);
  return lines.join('\n');
}

function describeBatch(batch: BackupBatch): string {
  const lines = batch.items.length > 0 ? [backupTable(batch.items)] : [];
  for (const { implementation, error } of batch.failures) {
    lines.push(`${implementation} failed: ${oneLine(error.message)} ${error.hint}`);
  }
  const total = batch.items.length + batch.failed;
  lines.push(
    batch.failed === 0
      ? `Backed up ${counted(total, 'implementation')}.`
      : `Backed up ${batch.items.length} of ${counted(total, 'implementation')}; ${batch.failed} failed.`,
  );
  return lines.join('\n');
}

function backupTable(items: readonly BackupDocument[]): string {
  const rows = items.map((backup) => [
    shortId(backup.id),
    named(backup),
    backup.type,
    backup.missingAt === undefined ? backup.status : 'missing',
    formatTime(backup.createdAt),
    backup.status === 'completed' ? formatCount(backup.stats.rows) : '–',
    backup.status === 'completed' ? formatBytes(backup.stats.bytesStored) : '–',
    formatTime(backup.provenAt),
    backup.held ? 'on hold' : backup.expiresAt === null ? 'never' : formatTime(backup.expiresAt),
    backup.description ?? '',
  ]);
  const headers = [
    'ID',
    'IMPLEMENTATION',
    'TYPE',
    'STATUS',
    'MADE',
    'ROWS',
    'STORED',
    'PROVEN',
    'EXPIRES',
    'DESCRIPTION',
  ];
  return textTable(headers, rows, { right: ['ROWS', 'STORED'] });
}

function describeBackup(backup: BackupDocument): string {
  const { stats } = backup;
  const lines: [string, string][] = [
    ['Backup', backup.id],
    ['Of', `${named(backup)} (${backup.implementation.id})`],
    ['Type', backup.type],
    ['Status', backup.held ? `${backup.status}, on hold` : backup.status],
    ...(backup.missingAt === undefined
      ? []
      : [['Missing', `from the repository since ${formatTime(backup.missingAt)}`] as [string, string]]),
    ['Made', `${formatTime(backup.createdAt)} by ${backup.createdBy ?? 'nobody known'}`],
    ['Expires', backup.expiresAt === null ? 'never' : formatTime(backup.expiresAt)],
    ['Verified', formatTime(backup.verifiedAt)],
    ['Proven', formatTime(backup.provenAt)],
  ];
  if (backup.description !== null) lines.push(['Description', oneLine(backup.description)]);
  if (backup.status === 'completed') {
    lines.push(
      [
        'Holds',
        `${counted(stats.rows, 'row')} in ${counted(stats.tables, 'table')}, ${formatBytes(stats.bytesRaw)} as text`,
      ],
      [
        'Stored',
        `${formatBytes(stats.bytesStored)} new in ${counted(stats.blocksNew, 'block')}, ${counted(stats.blocksReused, 'block')} of earlier backups reused`,
      ],
      [
        'Read',
        `${counted(stats.rowsRead, 'row')} in ${formatDuration(stats.durationMs)}; ${formatCount(stats.rowsChanged)} new or changed`,
      ],
      ['Kept', `${backup.encrypted ? 'encrypted' : 'not encrypted'}, ${backup.compression}`],
      ['Builds on', backup.parentId ?? 'nothing'],
      ['Checksum', backup.checksum ?? '–'],
      ['Manifest', backup.filePath ?? '–'],
    );
  }
  if (backup.probe.reason !== undefined) lines.push(['Note', backup.probe.reason]);
  if (backup.error !== undefined) lines.push(['Error', `${backup.error.code}: ${oneLine(backup.error.message)}`]);
  return lines.map(([label, value]) => `${label.padEnd(12)} ${value}`).join('\n');
}
