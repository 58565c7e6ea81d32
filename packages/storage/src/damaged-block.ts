import { type Compression, CofreError } from '@cofre/contracts';

export function damagedBlock(compression: Compression, reason: string, cause?: unknown): CofreError {
  return new CofreError('repository/damaged', `A block that should be ${compression} cannot be unpacked: ${reason}.`, {
    cause,
  });
}
