import { CofreError } from '@cofre/contracts';
import type { Command } from '../run.ts';

export const notYet =
  (name: string): Command =>
  () =>
    Promise.reject(
      new CofreError(
        'usage/not-available-yet',
        `This version does not have \`cofre ${name}\` yet. Nothing was started.`,
        {
          params: { command: name },
        },
      ),
    );
