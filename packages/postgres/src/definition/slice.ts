import type { Definition, RootKey, TableRole } from '@cofre/contracts';
import type { RowLayout } from '@cofre/engine';
import type { KeyBound } from '../introspect/row-order.ts';
import type { ColumnFacts, TableFacts } from '../introspect/table-facts.ts';

/** A definition made concrete for one implementation in one live database: every name resolved, every value checked. */
export interface Slice {
  readonly definition: Definition;
  readonly rootKey: RootKey;
  /** In the order of the definition; the platform's own rows first. */
  readonly tables: readonly SliceTable[];
  /** Tables that are pointed at and not owned. */
  readonly references: readonly TableFacts[];
}

export interface SliceTable {
  readonly facts: TableFacts;
  readonly role: TableRole;
  /** Stored columns (generated and omitted ones left out) in stored order, key first. */
  readonly columns: readonly ColumnFacts[];
  readonly secret: ReadonlySet<string>;
  /**
   * Its key leaves out columns that the scope fixes to a constant: within the slice it identifies a row, in the whole
   * table only together with `scopeSql`. The whole key is `facts.key`.
   */
  readonly layout: RowLayout;
  /** `ONLY "s"."t"` or `"s"."t"`: what may stand behind FROM. */
  readonly fromSql: string;
  /** The scope as a boolean SQL expression over the given alias; all values are quoted literals, all operators schema-qualified. */
  readonly scopeSql: (alias: string) => string;
  /** Whether a row, or one on its scope path, was written since a moment (`scope-sql.ts`). */
  readonly touchedSql: (alias: string, isSinceSql: XidTest) => string;
  /** For each column of the layout's key. */
  readonly keyBounds: readonly KeyBound[];
  /** What `scopeSql` says, for those who need to know its columns. */
  readonly scope: SliceScope;
  /** ORDER BY list over the given alias that makes rows come in the layout's order. */
  readonly orderSql: (alias: string) => string;
  /** oids of every table that the rows depend on: itself, its leaves, all tables on its scope path and their leaves. */
  readonly pathOids: readonly number[];
  /** Hex SHA-256 over everything that its bytes rest on (design §4, *Fingerprint*). */
  readonly fingerprint: string;
}

/** Whether the transaction of an id (an SQL expression of type `xid`) came at or after a moment, as an SQL expression. */
export type XidTest = (xidSql: string) => string;

export type SliceScope =
  /** By the root key itself: `columns` are compared with its parts; those of `fixed` hold one value in every row. */
  | { readonly kind: 'root'; readonly columns: readonly string[]; readonly fixed: readonly string[] }
  /** Through rows of a parent: own column → the parent's. */
  | {
      readonly kind: 'parent';
      readonly parentOid: number;
      readonly columns: readonly { readonly own: string; readonly parent: string }[];
    };

/** A place in the definition's text, 1-based. */
export interface DefinitionFault {
  readonly line: number;
  readonly column: number;
  /** `tables[2].scope.parent` */
  readonly path: string;
  readonly message: string;
}
