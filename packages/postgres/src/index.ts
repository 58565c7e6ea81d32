export * from './definition/slice.ts';
export * from './introspect/table-facts.ts';
export * from './session/types.ts';
export { databaseFromUrl } from './session/database.ts';
export { giveBack, keepSessions, type KeptSessions } from './session/keep-sessions.ts';
export { type PgErrorContext, sqlStateOf, translateConnectError, translatePgError } from './session/errors.ts';
export { pinSession, pinValues } from './session/pin-session.ts';
export { type Captured, type CaptureOptions, type CaptureStep, captureSlices } from './capture/capture-slices.ts';
export type { LockTarget } from './capture/lock-tables.ts';
export { copyRows } from './capture/copy-rows.ts';
export { countWrites, type CountedWrites, type Moment } from './capture/count-writes.ts';
export { markLineage } from './capture/lineage.ts';
export type { ProbedSince, TableProbe } from './capture/probe-table.ts';
export { readSliceTable } from './capture/read-slice-table.ts';
export { type MemberRows, rowsOfMembers } from './capture/rows-of-members.ts';
export { type Session, type SessionGroup, withSessions } from './session/open-session.ts';
export {
  parseTableName,
  printTable,
  quoteIdentifier,
  quoteLiteral,
  quoteTable,
  type TableName,
} from './session/quote.ts';
export type { FaultPath, FaultPlacer } from './definition/faults.ts';
export { definitionOfToday } from './definition/definition-of-today.ts';
export { type Discovered, type DiscoverInput, discover } from './definition/discover.ts';
export { type Claim, findOverlaps, type Overlap, overlapError, OVERLAPS_MAX } from './definition/find-overlaps.ts';
export { type ParsedDefinition, parseDefinition } from './definition/parse-definition.ts';
export {
  type ResolveOptions,
  resolveSlice,
  validateDefinition,
  type ValidateOptions,
} from './definition/resolve-slice.ts';
export { type ResolvedSlices, resolveSlices, type SliceMember } from './definition/resolve-slices.ts';
export { fingerprintTables } from './introspect/fingerprint.ts';
export { findTable, readTableFacts } from './introspect/read-table-facts.ts';
export { type EmbeddedOptions, type EmbeddedServer, startEmbedded } from './embedded/start-embedded.ts';
export { type AppliedRestore, applyPlan, type ApplyOptions } from './restore/apply-plan.ts';
export type { AppliedTable, ApplyStep } from './restore/attempt-apply.ts';
export { type PlanOptions, planRestore, type RestoreProgress, type RestoreSelection } from './restore/plan-restore.ts';
export { planUndo, type UndoOptions } from './restore/plan-undo.ts';
export type { NotChecked, ProofFault, ProofStep, ProvenTable, SliceProof } from './proof/proof-result.ts';
export { proveSlice, type ProveOptions } from './proof/prove-slice.ts';
export { requireScratchRight } from './proof/scratch-session.ts';
