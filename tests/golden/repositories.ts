import path from 'node:path';
import type { Compression } from '@cofre/contracts';
import type { RepositoryKey } from '@cofre/engine';

/** A repository of format 1 as an earlier version wrote it. Every later one must open it and read the same rows. */
export interface GoldenRepository {
  readonly name: string;
  readonly key: RepositoryKey;
  readonly compression: Compression;
}

export const GOLDEN_FOLDER = path.join(import.meta.dirname, 'fixtures');

export const GOLDEN: readonly GoldenRepository[] = [
  { name: 'plain', key: { kind: 'none' }, compression: 'zstd' },
  { name: 'uncompressed', key: { kind: 'none' }, compression: 'none' },
  { name: 'gzip', key: { kind: 'none' }, compression: 'gzip' },
  { name: 'key-file', key: { kind: 'key-file', bytes: Buffer.alloc(32, 7) }, compression: 'zstd' },
  { name: 'passphrase', key: { kind: 'passphrase', passphrase: 'correct horse ✓ batería' }, compression: 'gzip' },
];
