import { CofreError, type ErrorDocument, isCofreError } from '@cofre/contracts';

/** Every error as one of ours: what no code was foreseen for is a mistake in the program. */
export function toCofreError(error: unknown): CofreError {
  if (isCofreError(error)) return error;
  const words = error instanceof Error ? error.message : String(error);
  return new CofreError('internal/bug', `Something unforeseen happened: ${words}`, { cause: error });
}

/** The error as edges print it and the catalogue keeps it. */
export function toErrorDocument(error: unknown): ErrorDocument {
  const { code, params, message, hint } = toCofreError(error);
  return { code, params: { ...params }, message, hint };
}
