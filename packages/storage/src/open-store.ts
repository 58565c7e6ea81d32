import { fileURLToPath } from 'node:url';
import { CofreError } from '@cofre/contracts';
import type { BlobStore } from '@cofre/engine';
import { FileStore } from './file-store.ts';
import { MemoryStore } from './memory-store.ts';
import { parseS3Address } from './s3-address.ts';
import { S3Store, type S3StoreOptions } from './s3-store.ts';

export interface OpenStoreOptions {
  /** For S3: credentials other than those that the AWS SDK finds. */
  readonly s3?: S3StoreOptions;
}

/** Opens the store that an address names (`COFRE_REPOSITORY`). Nothing is read or written yet. */
export function openStore(url: string, options: OpenStoreOptions = {}): BlobStore {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  switch (parsed?.protocol) {
    case 'file:':
      return new FileStore(folderOf(parsed));
    case 'memory:':
      if (parsed.href !== 'memory:') throw invalid(url);
      return new MemoryStore();
    case 's3:':
      return new S3Store(parseS3Address(parsed), options.s3);
    default:
      throw invalid(url);
  }
}

function folderOf(url: URL): string {
  // file://backups/x would silently mean the host "backups", and a query belongs to other kinds of stores.
  if (url.host !== '' || url.search !== '' || url.hash !== '' || url.pathname === '/') throw invalid(url.href);
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw invalid(url.href, cause);
  }
}

function invalid(url: string, cause?: unknown): CofreError {
  // The address may hold credentials, so only its scheme is repeated.
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0] ?? 'one without a scheme';
  return new CofreError('usage/invalid', `The address of the repository is not one that can be used (${scheme}).`, {
    hint: 'Use file:///folder with an absolute path, for example file:///srv/backups, or s3://bucket/prefix. Nothing was started.',
    cause,
  });
}
