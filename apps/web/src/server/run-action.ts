import { type ActionResult, CofreError, failed, succeeded } from '@cofre/contracts';
import {
  authorize,
  logRefusal,
  NOBODY,
  type ServiceContext,
  toCofreError,
  USE_CASES,
  type UseCaseName,
} from '@cofre/services';
import { unstable_rethrow } from 'next/navigation';
import type { z } from 'zod';
import { compose } from './compose.ts';
import { log } from './log.ts';
import { isFromOurPages } from './request-facts.ts';
import { getViewer } from './viewer.ts';
import { errorWords } from './worded.ts';

export interface ActionParts<Schema extends z.ZodType, Result> {
  /** Whose rights are asked for; a call that cannot be understood is held against them too. */
  readonly useCase: UseCaseName;
  readonly schema: Schema;
  readonly run: (service: ServiceContext, input: z.output<Schema>) => Promise<Result>;
}

/**
 * Every server action goes through here, because anybody may call any of them directly: from our pages → who asks → what they
 * send → the use case, which asks the database what they may do → an `ActionResult` in their language. Nothing is thrown.
 */
export async function runAction<Schema extends z.ZodType, Result>(
  input: unknown,
  { useCase, schema, run }: ActionParts<Schema, Result>,
): Promise<ActionResult<Result>> {
  try {
    const service = await serviceOfRequest(useCase);
    const parsed = schema.safeParse(input);
    if (!parsed.success) {
      // Who may not do this at all is told so, and it is logged: forged calls are seldom well formed.
      await authorize(service, useCase);
      throw invalid(parsed.error);
    }
    return succeeded(await run(service, parsed.data));
  } catch (error) {
    unstable_rethrow(error);
    return failedWith(error);
  }
}

async function serviceOfRequest(useCase: UseCaseName): Promise<ServiceContext> {
  const { service: base } = await compose();
  if (!(await isFromOurPages())) {
    // Whose cookie such a call carries says nothing about who made it.
    await logRefusal({ ...base, actor: NOBODY }, { useCase, role: 'nobody' });
    throw new CofreError(
      'access/denied',
      'The call did not come from a page of this application. Nothing was changed.',
    );
  }
  const { actor, role, mustChangePassword } = await getViewer();
  const service = { ...base, actor };
  if (mustChangePassword) {
    await logRefusal(service, { useCase, role });
    throw new CofreError('access/password-change-needed', 'The password has to be changed first. Nothing was changed.');
  }
  // The database lets everybody who is signed in list backups; nobody of them sees a page that does.
  if (role === 'customer' && USE_CASES[useCase].needs === 'signed-in') {
    await logRefusal(service, { useCase, role });
    throw new CofreError('access/denied', `${actor.name} may not enter. Nothing was read.`);
  }
  return service;
}

function invalid(error: z.ZodError): CofreError {
  const faults = error.issues.map((issue) => [issue.path.join('.'), issue.message].filter(Boolean).join(': '));
  return new CofreError('usage/invalid', `The call was not understood: ${faults.join('; ')}. Nothing was started.`, {
    params: { faults },
    cause: error,
  });
}

/** The error in the reader's language. What happened inside is logged and never answered. */
export async function failedWith(error: unknown): Promise<ActionResult<never>> {
  const known = toCofreError(error);
  if (known.code === 'internal/bug') log().error({ err: error }, 'an action failed unforeseen');
  else log().info({ code: known.code, message: known.message }, 'an action was refused');
  return failed(await errorWords(known));
}
