export { addAdministrator } from './access/add-administrator.ts';
export { listAdministrators } from './access/list-administrators.ts';
export { removeAdministrator } from './access/remove-administrator.ts';
export { resetAdministrators } from './access/reset-administrators.ts';
export { type AccessRole, authorize, type Caller, logRefusal, roleOf } from './access/authorize.ts';
export { USE_CASES, type UseCaseFacts, type UseCaseName } from './access/use-cases.ts';
export { type Actor, type Claims, NOBODY, type Person } from './actor.ts';
export { listAuditLogs } from './audit/list-audit-logs.ts';
export { createBackup } from './backups/create-backup.ts';
export { type BackupBatch, createBackups } from './backups/create-backups.ts';
export { deleteBackup } from './backups/delete-backup.ts';
export { holdBackup } from './backups/hold-backup.ts';
export { releaseBackup } from './backups/release-backup.ts';
export { listBackupTables } from './backups/list-backup-tables.ts';
export { proposeBackup } from './backups/propose-backup.ts';
export { type BackupPage, listBackups } from './backups/list-backups.ts';
export { diffBackups } from './backups/diff-backups.ts';
export { type BackupExport, exportBackup } from './backups/export-backup.ts';
export { readBackupRows } from './backups/read-backup-rows.ts';
export { MASK } from './backups/show-row.ts';
export { estimateBackup } from './backups/estimate-backup.ts';
export { showBackupDays } from './backups/show-backup-days.ts';
export { showBackup } from './backups/show-backup.ts';
export { verifyAllBackups } from './backups/verify-all-backups.ts';
export { verifyBackup } from './backups/verify-backup.ts';
export {
  type Migration,
  type MigrationStatus,
  migrate,
  migrationStatus,
  readMigrations,
  requireMigrated,
} from './catalogue/migrations.ts';
export { type Catalogue, type CatalogueOptions, openCatalogue } from './catalogue/open-catalogue.ts';
export type { CatalogueSchema } from './catalogue/schema.ts';
export { type DoctorContext, runDoctor } from './doctor/run-doctor.ts';
export { type Damage, damageDemo } from './demo/damage-demo.ts';
export { holdsDemoOnly } from './demo/holds-demo-only.ts';
export { loadDemoHistory } from './demo/load-history.ts';
export { showDemoState } from './demo/show-demo-state.ts';
export { type DemoStep, type Proof, runDemo } from './demo/run-demo.ts';
export { toCofreError, toErrorDocument } from './error-document.ts';
export { addImplementation } from './modules/add-implementation.ts';
export { applyDefinition } from './modules/apply-definition.ts';
export { discoverModule } from './modules/discover-module.ts';
export { listImplementations } from './modules/list-implementations.ts';
export { listModules } from './modules/list-modules.ts';
export { showConfiguration } from './modules/show-configuration.ts';
export { showImplementation } from './modules/show-implementation.ts';
export { showModule } from './modules/show-module.ts';
export { addPerson, type PeopleContext } from './people/add-person.ts';
export { ensureFirstAdministrator } from './people/ensure-first-administrator.ts';
export { hashPassword, verifyPassword } from './people/passwords.ts';
export { readPerson } from './people/read-person.ts';
export { resetPassword } from './people/reset-password.ts';
export { settlePassword } from './people/settle-password.ts';
export { countSignInAttempt, forgetSignInAttempts, SIGN_IN_WINDOW_MS } from './people/sign-in-attempts.ts';
export { logSignInRefusal } from './people/sign-in-refusals.ts';
export { type AddedRecoveryFiles, addRecoveryFiles } from './recovery/add-recovery-files.ts';
export { RECOVERY_PATHS, type RecoveryFile } from './recovery/recovery-files.ts';
export { showRecoveryState } from './recovery/show-recovery-state.ts';
export { takeRecoveryKit } from './recovery/take-recovery-kit.ts';
export { addKey } from './repository/add-key.ts';
export { checkRepository } from './repository/check-repository.ts';
export { collectRepositoryGarbage } from './repository/collect-repository-garbage.ts';
export { importBackups } from './repository/import-backups.ts';
export { initRepository } from './repository/init-repository.ts';
export { listKeys } from './repository/list-keys.ts';
export { openUnpinned, pinRepository } from './repository/open-repository.ts';
export { removeKey } from './repository/remove-key.ts';
export { rotateRootKey } from './repository/rotate-root-key.ts';
export { showRepository } from './repository/show-repository.ts';
export { cancelJob } from './jobs/cancel-job.ts';
export { drainJobs } from './jobs/drain-jobs.ts';
export { enqueueJob } from './jobs/enqueue-job.ts';
export { type JobNotices, listenForJobs } from './jobs/job-notices.ts';
export type { JobPace } from './jobs/job-pace.ts';
export type { JobQueue, QueuedJob } from './jobs/job-queue.ts';
export { openPgBossQueue, type PgBossOptions, type PgBossQueue } from './jobs/pg-boss-queue.ts';
export { listJobs } from './jobs/list-jobs.ts';
export type { JobRunner } from './jobs/perform-job.ts';
export { type RunJob, runJob } from './jobs/run-job.ts';
export { showJob } from './jobs/show-job.ts';
export { type TendedJobs, tendJobs } from './jobs/tend-jobs.ts';
export { listNotifications } from './notifications/list-notifications.ts';
export { markNotifications } from './notifications/mark-notifications.ts';
export { cleanupExpiredBackups } from './retention/cleanup-expired-backups.ts';
export { simulateRetention } from './retention/simulate-retention.ts';
export { executeScheduledBackups } from './schedules/execute-scheduled-backups.ts';
export { type OverdueImplementation, readOverdue } from './schedules/read-overdue.ts';
export { resolveSettings } from './settings/resolve-settings.ts';
export { updateSettings } from './settings/update-settings.ts';
export { applyRestore } from './restores/apply-restore.ts';
export { listRestores } from './restores/list-restores.ts';
export { planRestore } from './restores/plan-restore.ts';
export { readPlanRows } from './restores/read-plan-rows.ts';
export { showRecentChanges } from './restores/show-recent-changes.ts';
export { showRestore } from './restores/show-restore.ts';
export { showPlan } from './restores/show-plan.ts';
export { undoRestore } from './restores/undo-restore.ts';
export { NO_BUDGET, type WorkBudget } from './work-budget.ts';
export {
  type AcceptedRepository,
  type EndedWork,
  DEFAULT_LOCK_TIMEOUT_MS,
  DEFAULT_READERS,
  type RepositoryContext,
  type ServiceContext,
  type ServiceSettings,
} from './service-context.ts';
export { type BackupFigures, readBackupFigures } from './statistics/backup-figures.ts';
export { measureRepository, type RepositorySize } from './statistics/measure-repository.ts';
export { type ImplementationPlace, readImplementationFigures } from './statistics/place-figures.ts';
export { type RestoreFigures, readRestoreFigures } from './statistics/restore-figures.ts';
export { showStatistics } from './statistics/show-statistics.ts';
export type { FiguresOptions } from './statistics/which-backups.ts';
export { announceWorker, type WorkerFacts } from './workers/announce-worker.ts';
export { type QueueFigures, readQueueFigures } from './workers/read-queue-figures.ts';
export { withdrawWorker } from './workers/withdraw-worker.ts';
