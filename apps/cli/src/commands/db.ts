import { databaseFromUrl } from '@cofre/postgres';
import { migrate, migrationStatus } from '@cofre/services';
import { textTable } from '../output/text-table.ts';
import { counted, formatTime } from '../output/words.ts';
import type { Command } from '../run.ts';

export const dbMigrate: Command = async (run) => {
  const { url } = await run.composition.database();
  const applied = await migrate(databaseFromUrl(url), await run.composition.migrations());
  run.print({ applied }, () =>
    applied.length === 0
      ? 'The catalogue is up to date; nothing was changed.'
      : `Applied ${counted(applied.length, 'migration')}: ${applied.join(', ')}.`,
  );
  return undefined;
};

export const dbStatus: Command = async (run) => {
  const { url } = await run.composition.database();
  const migrations = await migrationStatus(databaseFromUrl(url), await run.composition.migrations());
  run.print({ migrations }, () =>
    textTable(
      ['MIGRATION', 'STATE', 'APPLIED'],
      migrations.map(({ name, state, appliedAt }) => [name, state, formatTime(appliedAt)]),
    ),
  );
  return undefined;
};
