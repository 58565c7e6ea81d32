import { databaseFromUrl } from '@cofre/postgres';
import { runDoctor } from '@cofre/services';
import { EXIT_FAILED } from '../exit-codes.ts';
import type { Command } from '../run.ts';

export const doctor: Command = async (run) => {
  const { composition } = run;
  const examination = await runDoctor({
    clock: composition.clock,
    migrations: await composition.migrations(),
    database: async () => {
      const { url, isEmbedded } = await composition.database();
      return { database: databaseFromUrl(url), isEmbedded };
    },
    repository: () => composition.repository(),
  });
  run.print(examination, () => {
    const lines = examination.checks.flatMap(({ name, state, message, hint }) => [
      `${state.padEnd(8)} ${name}: ${message}`,
      ...(hint === undefined ? [] : [`${' '.repeat(9)}${hint}`]),
    ]);
    return [
      ...lines,
      examination.ok ? 'Everything that backups need is there.' : 'Something has to be set right first.',
    ].join('\n');
  });
  return examination.ok ? undefined : EXIT_FAILED;
};
