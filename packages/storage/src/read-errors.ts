import { CofreError } from '@cofre/contracts';

/** The two ways in which a read can find less than it was promised, worded alike for every store. */

export function objectMissing(store: string, path: string, cause?: unknown): CofreError {
  return new CofreError('repository/object-missing', `${path} is missing in ${store}.`, { params: { path }, cause });
}

export interface Extent {
  readonly sizeBytes: number;
  readonly offset: number;
  readonly length: number;
}

export function objectTooShort(store: string, path: string, extent: Extent): CofreError {
  const { sizeBytes, offset, length } = extent;
  return new CofreError(
    'repository/damaged',
    `${path} in ${store} is too short: it has ${sizeBytes} bytes, and bytes ${offset} to ${offset + length} were asked for.`,
    { params: { path, sizeBytes, offset, length } },
  );
}
