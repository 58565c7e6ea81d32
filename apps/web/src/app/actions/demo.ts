'use server';

import type { ActionResult, DemoDamageDocument } from '@cofre/contracts';
import { damageDemo } from '@cofre/services';
import { z } from 'zod';
import { runAction } from '#server/run-action.ts';

const nothing = z.strictObject({});

/** Refused wherever there is more than the demo, whoever asks. */
export async function damageModuleDemo(input: z.input<typeof nothing>): Promise<ActionResult<DemoDamageDocument>> {
  return runAction(input, { useCase: 'damageDemo', schema: nothing, run: damageDemo });
}
