import { ERROR_CODES, type ErrorCode, type JobDocument } from '@cofre/contracts';
import { errorWords } from './run-action.ts';

/** A job keeps the error that it ended with as it was thrown; people read it in their language. */
export async function jobInWords(job: JobDocument): Promise<JobDocument> {
  const { error } = job;
  return error === undefined ? job : { ...job, error: { ...error, ...(await keptErrorWords(error)) } };
}

/** The words of an error that was kept; an earlier version may have had codes that are gone. */
export async function keptErrorWords({ code }: { readonly code: string }): ReturnType<typeof errorWords> {
  return errorWords({ code: isErrorCode(code) ? code : 'internal/bug' });
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}
