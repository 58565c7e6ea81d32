import { type ActionResult, CofreError, failed, succeeded } from '@cofre/contracts';
import { authorize, type ServiceContext, toCofreError, type UseCaseName } from '@cofre/services';
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
    const service = await serviceOfRequest();
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

async function serviceOfRequest(): Promise<ServiceContext> {
  if (!(await isFromOurPages()))
    throw new CofreError(
      'access/denied',
      'The call did not come from a page of this application. Nothing was changed.',
    );
  const { service } = await compose();
  const { actor, mustChangePassword } = await getViewer();
  if (mustChangePassword)
    throw new CofreError('access/password-change-needed', 'The password has to be changed first. Nothing was changed.');
  return { ...service, actor };
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
