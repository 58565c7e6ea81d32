import type { BackupId, Compression, ImplementationId } from '@cofre/contracts';

/** What opens an encrypted repository. */
export type RepositoryKey =
  | { readonly kind: 'none' }
  | { readonly kind: 'passphrase'; readonly passphrase: string }
  /** 32 bytes. */
  | { readonly kind: 'key-file'; readonly bytes: Uint8Array };

/** What a sealed thing is. It is authenticated with the bytes, so that one can never be taken for another. */
export type BlockKind = 'rows' | 'keys' | 'upserts' | 'deletes' | 'ranges';
export type ObjectKind = 'manifest' | 'plan' | 'plan-page' | 'pack-index' | 'trash' | 'lease' | 'mark';

export interface ManifestInfo {
  readonly implementationId: ImplementationId;
  readonly backupId: BackupId;
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
}

export interface RepositoryInfo {
  readonly id: string;
  readonly url: string;
  readonly format: 1;
  readonly createdAt: string;
  readonly encryption: 'aes-256-gcm' | 'none';
  readonly compression: Compression;
  readonly rootKeyIds: readonly string[];
  readonly keySlots: readonly {
    readonly id: string;
    readonly kind: 'passphrase' | 'key-file';
    readonly rootKeyId: string;
    readonly createdAt: string;
  }[];
}
