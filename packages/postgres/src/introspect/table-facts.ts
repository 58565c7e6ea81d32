import type { KeyOrder } from '@cofre/engine';
import type { KeyBound } from './row-order.ts';

/** What the system catalogues say of one table, read with an empty search path. Names are as PostgreSQL keeps them, unquoted. */
export interface TableFacts {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: 'plain' | 'partitioned' | 'partition' | 'inheritance-parent' | 'inheritance-child' | 'other';
  /** For `other`: what it is (view, foreign table, …) in words. */
  readonly kindDetail: string | null;
  readonly columns: readonly ColumnFacts[];
  /** The key that orders and identifies rows (design §3), or why there is none. */
  readonly key: { readonly columns: readonly KeyColumnFacts[] } | { readonly none: string };
  readonly primaryKey: readonly string[];
  readonly uniques: readonly UniqueFacts[];
  /** Foreign keys of this table towards others. What is NOT ENFORCED (PostgreSQL 18) promises nothing and is left out. */
  readonly foreignKeys: readonly ForeignKeyFacts[];
  /** Foreign keys of others (or itself) that point here. */
  readonly referencedBy: readonly ForeignKeyFacts[];
  readonly triggers: readonly TriggerFacts[];
  readonly rules: readonly RuleFacts[];
  readonly sequences: readonly SequenceFacts[];
  /** Types of the application's that its columns rest on, theirs too. */
  readonly types: readonly TypeFacts[];
  /** Partitions (leaves only) of a partitioned table, or all that inherit from a plain one, children of children too. */
  readonly children: readonly { readonly oid: number; readonly schema: string; readonly name: string }[];
  readonly rowSecurity: { readonly enabled: boolean; readonly forced: boolean };
  /** The planner's estimate, partitions included; -1: never analyzed. */
  readonly rowsEstimate: number;
  /** As the last VACUUM or ANALYZE found it, partitions included: asking the file system would wait for locks. */
  readonly bytesOnDisk: number;
  /** oids of the tables that this one is a partition of or inherits from, theirs too. */
  readonly ancestors: readonly number[];
}

export interface ColumnFacts {
  readonly name: string;
  readonly attnum: number;
  /** `format_type(atttypid, atttypmod)` with an empty search path: may be cast to as it stands. */
  readonly type: string;
  readonly typeOid: number;
  /** What stands under a domain, else `typeOid` itself. */
  readonly baseTypeOid: number;
  /** New rows must have a value. */
  readonly notNull: boolean;
  /** Old rows have one too (PostgreSQL 18 has NOT NULL … NOT VALID). */
  readonly notNullValidated: boolean;
  /** null for generated columns, `generated` tells. */
  readonly defaultExpression: string | null;
  readonly identity: 'always' | 'by-default' | null;
  readonly generated: 'stored' | 'virtual' | null;
  /** `schema.name` quoted as SQL; null: the type has no collation. */
  readonly collation: string | null;
  readonly collationDeterministic: boolean;
}

export interface KeyColumnFacts {
  readonly name: string;
  readonly order: KeyOrder;
  /** SQL that sorts rows as `order` compares them, given the table's alias: `t.sku COLLATE pg_catalog."C"`. */
  readonly orderSql: (alias: string) => string;
  /** How a value is written that is compared with what `orderSql` sorts by. */
  readonly bound: KeyBound;
  /** The equality operator of the key's operator class, as `OPERATOR(schema.=)`. */
  readonly equalsSql: string;
}

export interface UniqueFacts {
  readonly name: string;
  readonly indexOid: number;
  readonly kind: 'primary' | 'unique' | 'exclusion';
  /** Valid and ready: only then does it prove that values are unique. */
  readonly usable: boolean;
  /** Index expressions in order (`pg_get_indexdef(oid, n, true)`); plain columns are quoted names. */
  readonly expressions: readonly string[];
  /** For each expression, the operator under which two rows clash, as `OPERATOR(schema.=)`. */
  readonly operators: readonly string[];
  /** Plain column names; null: an expression is among them. */
  readonly columns: readonly string[] | null;
  readonly predicate: string | null;
  readonly deferrable: boolean;
  readonly nullsNotDistinct: boolean;
  /** False: the index may lack rows (a failed CREATE INDEX CONCURRENTLY), so old rows may clash. New ones are checked. */
  readonly valid: boolean;
}

export interface ForeignKeyFacts {
  readonly name: string;
  readonly oid: number;
  readonly from: {
    readonly schema: string;
    readonly name: string;
    readonly oid: number;
    readonly columns: readonly string[];
  };
  readonly to: {
    readonly schema: string;
    readonly name: string;
    readonly oid: number;
    readonly columns: readonly string[];
  };
  /** For each column pair, the parent = child operator, as `OPERATOR(schema.=)`. */
  readonly operators: readonly string[];
  readonly onDelete: 'no-action' | 'restrict' | 'cascade' | 'set-null' | 'set-default';
  readonly onUpdate: 'no-action' | 'restrict' | 'cascade' | 'set-null' | 'set-default';
  readonly match: 'simple' | 'full' | 'partial';
  readonly deferrable: boolean;
  readonly validated: boolean;
}

export interface TriggerFacts {
  readonly name: string;
  readonly function: string;
  readonly timing: 'before' | 'after' | 'instead-of';
  readonly events: readonly ('insert' | 'update' | 'delete' | 'truncate')[];
  /** `origin` is bypassed by session_replication_role = replica; `always` and `replica` are not. */
  readonly enabled: 'origin' | 'always' | 'replica' | 'disabled';
}

/** A rule that is not disabled. */
export interface RuleFacts {
  readonly name: string;
  readonly event: 'select' | 'update' | 'insert' | 'delete';
  /** As with triggers: `origin` is bypassed by session_replication_role = replica. */
  readonly enabled: 'origin' | 'always' | 'replica';
}

export interface SequenceFacts {
  readonly schema: string;
  readonly name: string;
  readonly column: string;
  readonly increment: string;
  readonly owned: boolean;
}

/** What a type is made of. Checks and defaults of a domain are not among it. */
export type TypeFacts = TypeName &
  (
    | { readonly kind: 'enum'; readonly labels: readonly string[] }
    | { readonly kind: 'domain'; readonly base: string }
    | {
        readonly kind: 'composite';
        readonly attributes: readonly { readonly name: string; readonly type: string }[];
      }
    | {
        readonly kind: 'range';
        readonly subtype: string;
        /** One of PostgreSQL's own; null: the type's own. */
        readonly collation: string | null;
        readonly multirange: TypeName;
      }
    /** Of an extension, a table's row, or a range with functions or operators of its own. */
    | { readonly kind: 'other'; readonly extension: string | null }
  );

interface TypeName {
  readonly schema: string;
  readonly name: string;
}
