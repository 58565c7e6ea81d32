import { CofreError, type ErrorCode } from '@cofre/contracts';

/** Answers that say so by name, whatever their status. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  NoSuchBucket: 'storage/not-found',
  // Each store words a full disk or a used-up quota in its own way: Ceph, MinIO, Backblaze, others.
  QuotaExceeded: 'storage/full',
  QuotaExceededException: 'storage/full',
  InsufficientStorage: 'storage/full',
  StorageFull: 'storage/full',
  StorageCapExceeded: 'storage/full',
  XMinioStorageFull: 'storage/full',
  XMinioAdminBucketQuotaExceeded: 'storage/full',
  // The SDK found no credentials anywhere, or a source of credentials failed.
  CredentialsProviderError: 'storage/not-permitted',
  // Refusals of one transmission, not of the request: the same call may go through.
  RequestTimeout: 'storage/unavailable',
  IncompleteBody: 'storage/unavailable',
  BadDigest: 'storage/unavailable',
  XAmzContentSHA256Mismatch: 'storage/unavailable',
  NoSuchUpload: 'storage/unavailable',
};

/** 4xx that pass: time-out, conflict with a request at the same time, too early, too many. */
const PASSING = new Set([408, 409, 425, 429]);

/** What an error is called when nothing is known of it. */
const NAMELESS = new Set(['', 'Error', 'Unknown', 'UnknownError']);

const DETAIL_LENGTH_MAX = 300;

/** What a failed request says of itself. */
export interface S3Failure {
  /** S3's code, such as `NoSuchKey`, or the name of the SDK's error. */
  readonly name: string;
  /** 0 where no answer came. */
  readonly status: number;
  /** How often the SDK sent the request. */
  readonly attempts: number;
}

export function s3Failure(error: unknown): S3Failure {
  const { name, $metadata, $response } = partsOf(error);
  return {
    name: typeof name === 'string' ? name : '',
    status: numberOf($metadata, 'httpStatusCode') || numberOf($response, 'statusCode'),
    attempts: numberOf($metadata, 'attempts'),
  };
}

/**
 * What to throw for a failed request. `what` names it and its outcome: `packs/00/a could not be written to s3://b/p`.
 * Statuses that a caller expects (404, 412, 416) are looked at before.
 */
export function s3Error(error: unknown, what: string): CofreError {
  if (error instanceof CofreError) return error;
  const failure = s3Failure(error);
  if (error instanceof Error && error.message === 'Region is missing') {
    return new CofreError('usage/invalid', `${what}: no region is known.`, {
      hint: 'Add region=… to the address of the repository, or set AWS_REGION. Nothing was changed.',
      cause: error,
    });
  }
  return new CofreError(codeOf(failure), `${what}: ${detailOf(error, failure)}`, { cause: s3Cause(error) });
}

/** An error of the SDK drags the answer and the request along, whose headers hold tokens; of such only the facts are kept. */
export function s3Cause(error: unknown): unknown {
  if (!(error instanceof Error) || partsOf(error)['$response'] === undefined) return error;
  const { name, status } = s3Failure(error);
  const { requestId } = partsOf(partsOf(error)['$metadata']);
  return Object.assign(new Error(error.message), { name, status, requestId });
}

function codeOf({ name, status }: S3Failure): ErrorCode {
  const named = CODES[name];
  if (named !== undefined) return named;
  if (status === 507) return 'storage/full';
  // Also a wrong region and a malformed request: what a store refuses today it refuses tomorrow.
  if (status >= 300 && status < 500 && !PASSING.has(status)) return 'storage/not-permitted';
  return 'storage/unavailable';
}

function detailOf(error: unknown, { name, status }: S3Failure): string {
  // The answer to a HEAD has no body, so the SDK knows no reason either.
  if (NAMELESS.has(name) && status !== 0) return `status ${status}`;
  const { message, code } = partsOf(error);
  const said = [message, code].find((it): it is string => typeof it === 'string' && it !== '') ?? 'no answer';
  const detail = NAMELESS.has(name) ? said : `${name}: ${said}`;
  return detail.replaceAll(/\s+/g, ' ').slice(0, DETAIL_LENGTH_MAX);
}

function partsOf(value: unknown): Readonly<Record<string, unknown>> {
  // Errors of the SDK are not all of its classes (system errors pass through), so only what is there is looked at.
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function numberOf(value: unknown, key: string): number {
  const found = partsOf(value)[key];
  return typeof found === 'number' ? found : 0;
}
