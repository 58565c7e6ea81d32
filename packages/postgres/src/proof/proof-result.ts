import type { ProofFaultKind, UncheckedKind } from '@cofre/contracts';

/** What restoring a slice into a scratch schema gave. */
export interface SliceProof {
  /** In the order of the backup. */
  readonly tables: readonly ProvenTable[];
  readonly notChecked: readonly NotChecked[];
}

export interface ProvenTable {
  /** For people. */
  readonly table: string;
  /** As many as were read again. */
  readonly rows: number;
  readonly matches: boolean;
  /** Where what the backup's own facts do not hold was taken from: the table of today, or nowhere. */
  readonly structure: 'live' | 'manifest';
  /** null: it came back as it went in, and kept what the backup promises. */
  readonly fault: ProofFault | null;
}

export interface ProofFault {
  readonly kind: ProofFaultKind;
  /** Never values of rows. */
  readonly detail: string;
}

export interface NotChecked {
  readonly table: string;
  readonly kind: UncheckedKind;
  /** Of the constraint or column; null: it is about the whole table. */
  readonly name: string | null;
  readonly detail: string;
}

/** Rows and bytes are of all tables together. */
export interface ProofStep {
  /** `apply`: rows go into the scratch schema; `verify`: they are read again. */
  readonly phase: 'apply' | 'verify';
  readonly table: string;
  readonly rows: number;
  readonly bytes: number;
}
