'use server';

import type { ActionResult } from '@cofre/contracts';
import { takeRecoveryKit } from '@cofre/services';
import { z } from 'zod';
import { recoveryKitText } from '#server/recovery-kit-text.ts';
import { runAction } from '#server/run-action.ts';

const nothing = z.strictObject({});

/** The kit as text, to be saved by the browser: an address that gives a key could be opened from anywhere by a link. */
export async function takeModuleRecoveryKit(input: z.input<typeof nothing>): Promise<ActionResult<string>> {
  return runAction(input, {
    useCase: 'takeRecoveryKit',
    schema: nothing,
    run: async (service) => recoveryKitText(await takeRecoveryKit(service)),
  });
}
