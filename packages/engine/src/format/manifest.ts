import type {
  BackupId,
  BackupType,
  Compression,
  Definition,
  ImplementationRef,
  RepositoryId,
  RootKey,
  TableRole,
} from '@cofre/contracts';
import type { KeyColumn } from '../rows/layout.ts';

/** Where a sealed block lies. All that is needed to read and open it, with no index. */
export interface BlockRef {
  /** HMAC-SHA-256 of the plain bytes (SHA-256 without encryption), 64 hex digits. */
  readonly id: string;
  /** Id of the pack, 32 hex digits. */
  readonly pack: string;
  readonly offset: number;
  /** Length of the sealed block in the pack. */
  readonly length: number;
  /** Length after decompression. */
  readonly plainBytes: number;
  readonly compression: Compression;
}

/** One range of a table's key: `low` ≤ key < `low` of the next range. */
export interface RangeEntry {
  /** The key's columns as COPY text, tab-separated, no newline. null: unbounded (always in the first range, and in tables with no key). */
  readonly low: string | null;
  readonly rows: number;
  /** Bytes of the rows as COPY text. Where there are deltas an estimate: what replaced and deleted rows had is not known without the base. */
  readonly bytes: number;
  readonly base: BaseBlocks | null;
  /** Oldest first, at most eight. */
  readonly deltas: readonly DeltaBlocks[];
}

export interface BaseBlocks {
  readonly rows: BlockRef;
  /** The keys alone, as `rows/key-block.ts` writes them; null where the table has no key. */
  readonly keys: BlockRef | null;
}

export interface DeltaBlocks {
  /** Whole lines of rows that are new or changed; null: none. */
  readonly upserts: BlockRef | null;
  /** Key lines of rows that are gone; null: none. */
  readonly deletes: BlockRef | null;
}

/** A range list is cut into pages so that no block grows with the table. */
export const RANGES_PER_PAGE = 1024;

export interface ManifestColumn {
  readonly name: string;
  /** As `format_type` prints it with an empty search path. */
  readonly type: string;
  readonly notNull: boolean;
  /** Structured facts for recreating the table; expressions are for people to read, never run as they stand. */
  readonly defaultExpression: string | null;
  readonly identity: 'always' | 'by-default' | null;
  readonly secret: boolean;
}

export interface ManifestTable {
  readonly schema: string;
  readonly name: string;
  readonly role: TableRole;
  /** Stored columns in stored order (key first). */
  readonly columns: readonly ManifestColumn[];
  readonly key: readonly KeyColumn[];
  /** Hex SHA-256 over everything that the bytes of the table rest on, see `postgres/fingerprint`. */
  readonly fingerprint: string;
  /** Enums, domains, constraints and the like: enough to recreate the table, as data. */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly rows: number;
  readonly bytes: number;
  readonly ranges: readonly BlockRef[];
  /** How the rows were read, and if whole, why. */
  readonly read: { readonly how: 'whole' | 'probe'; readonly reason: string | null };
}

/** The snapshot that a backup saw. */
export interface SnapshotFacts {
  /** `pg_snapshot_xmin()`, an xid8 in decimal. */
  readonly xmin: string;
  /** `pg_current_snapshot()::text`. */
  readonly text: string;
  /** When the snapshot was taken, by the server’s clock, ISO 8601 in UTC. */
  readonly takenAt: string;
  readonly serverVersionNum: number;
  readonly systemIdentifier: string | null;
  readonly database: string;
}

/**
 * Rows of the platform's own tables that are not in the slice: where the application has tables of these names with another
 * meaning, Cofre keeps its own. Whole rows as JSON, by column.
 */
export interface PlatformRows {
  readonly implementation: Readonly<Record<string, unknown>>;
  readonly assignments: readonly Readonly<Record<string, unknown>>[];
}

export interface NeededPack {
  readonly id: string;
  /** The bytes of it that the backup uses. */
  readonly bytesLive: number;
  /** What the first of the backups used of it that took it over from each other, up to this one. Absent: as much as this one. */
  readonly bytesAtFirst?: number | undefined;
}

/** Everything needed to restore a backup with no database. Written last: its object IS the commit of the backup. */
export interface Manifest {
  readonly format: 1;
  readonly repositoryId: RepositoryId;
  readonly backupId: BackupId;
  readonly type: BackupType;
  readonly parentId: BackupId | null;
  readonly implementation: ImplementationRef;
  readonly createdAt: string;
  readonly createdBy: string | null;
  readonly description: string | null;
  readonly expiresAt: string | null;
  /** True for the safety backup of a restore. */
  readonly safety: boolean;
  readonly madeBy: string;
  readonly compression: Compression;
  readonly definition: Definition;
  readonly rootKey: RootKey;
  /** Absent: they are in the slice, or there is no implementation of that id. */
  readonly platform?: PlatformRows | undefined;
  readonly snapshot: SnapshotFacts;
  /** In the order of the definition. */
  readonly tables: readonly ManifestTable[];
  /** Every pack that the backup needs. GC needs nothing else. */
  readonly packs: readonly NeededPack[];
  readonly stats: {
    readonly rows: number;
    readonly rowsRead: number;
    readonly rowsChanged: number;
    readonly bytesRaw: number;
    readonly bytesStored: number;
    readonly blocksNew: number;
    readonly blocksReused: number;
    readonly durationMs: number;
  };
}
