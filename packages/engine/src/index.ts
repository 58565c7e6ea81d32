export * from './format/manifest.ts';
export { FORMAT_VERSION, manifestPath, packPath } from './format/constants.ts';
export {
  describeExport,
  type ExportFile,
  exportFiles,
  type ExportFormat,
  type ExportOptions,
  type ExportOutline,
  outlineExport,
} from './export/export-files.ts';
export { checksumOf } from './format/pack.ts';
export { readStoredFacts, type StoredFacts } from './format/stored-facts.ts';
export * from './ports.ts';
export { type CutRange, cutRanges, RANGE_BYTES, RANGE_ROWS } from './ranges/cut-ranges.ts';
export {
  type CollectedGarbage,
  type CollectOptions,
  collectGarbage,
  isCollectionDue,
  simulateCollection,
} from './garbage/collect-garbage.ts';
export type { PlanStanding, StandingOf } from './garbage/find-expired-plans.ts';
export { GARBAGE_GRACE_MS, WRITE_TIME_MAX_MS } from './garbage/grace.ts';
export { putTrash } from './garbage/trash.ts';
export type { WriteLease } from './garbage/write-lease.ts';
export {
  BackupWriter,
  type BackupWriterOptions,
  type CompletedBackup,
  type ManifestHead,
  type WriteTableInput,
  type WrittenTable,
} from './repository/backup-writer.ts';
export type { KeySlot } from './repository/key-slots.ts';
export { completeTogether, type TogetherOptions } from './repository/complete-together.ts';
export { inLanes, type Outcome } from './repository/in-lanes.ts';
export type { PackWriter } from './repository/pack-writer.ts';
export { withBlockCache } from './repository/block-cache.ts';
export type { CheckOptions } from './repository/check-repository.ts';
export { type OpenOptions, Repository } from './repository/repository.ts';
export * from './repository/types.ts';
export { type ProbedTable, ProbeRefuted, type RangeCount, type WriteProbedInput } from './repository/write-probed.ts';
export { invertPages } from './restore/invert-pages.ts';
export * from './restore/plan.ts';
export {
  operationsOf,
  PlanPageWriter,
  type PlanStore,
  readPlanOperations,
  readPlanPages,
  type WrittenPages,
} from './restore/plan-pages.ts';
export { fingerprintPlan, readPlan, savePlan } from './restore/plan-store.ts';
export { type BoundedRange, withBounds } from './restore/range-bounds.ts';
export { type RangeRows, readRangesAt } from './restore/whole-ranges.ts';
export { batchesOfLines, batchOfBlock, linesOf } from './rows/batches.ts';
export { isSameRange } from './rows/bytes.ts';
export { compareRows, type RowDifference } from './rows/compare-rows.ts';
export { joinLine, splitLine, unescapeColumn } from './rows/copy-text.ts';
export {
  columnEnd,
  compareKeys,
  compareKeysAt,
  type KeyPlace,
  keyEnd,
  keyOfLine,
  orderingColumns,
} from './rows/keys.ts';
export * from './rows/layout.ts';
export { decodeKeys } from './rows/key-block.ts';
export {
  parseTableName,
  printTable,
  quoteIdentifier,
  quoteLiteral,
  quoteTable,
  type TableName,
} from './sql/quote.ts';
