import { CofreError, type ErrorCode } from '@cofre/contracts';

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'storage/full',
  EDQUOT: 'storage/full',
  EACCES: 'storage/not-permitted',
  EPERM: 'storage/not-permitted',
  EROFS: 'storage/not-permitted',
};

/** The system's code of a failed file operation, such as `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/**
 * What to throw for a failed file operation. `what` names it and its outcome: `packs/00/a could not be written`.
 * An error that no system call gave is ours and stays as it is.
 */
export function fileError(error: unknown, what: string): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error;
  const code = CODES[systemCode(error) ?? ''] ?? 'storage/unavailable';
  return new CofreError(code, `${what}: ${error.message}`, { cause: error });
}
