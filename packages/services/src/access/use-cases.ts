/**
 * Every use case, and who may call it. `authorize` looks here; the tests walk through it, so that none can be forgotten.
 *
 * - `needs`: the least that a person must be. Services and the operator may do everything; `operator` is for the operator
 *   alone, who holds the repository's key or the database's own rights.
 * - `rights`: whose rights the statements of the use case have. `own`: the person's, so that row-level security decides
 *   even if the code errs. `service`: the work needs more than a person may touch (the repository's pin, the lineage, the
 *   application's tables); the database has said before that the person is an administrator.
 * - `hides`: what a customer is told does not exist. Without it the refusal says `access/denied`, which gives nothing away
 *   either: it is the same whether the thing exists or not.
 */
export interface UseCaseFacts {
  readonly needs: 'signed-in' | 'viewer' | 'administrator' | 'operator';
  readonly rights: 'own' | 'service';
  readonly hides?: 'implementation' | 'module' | 'restore' | 'plan' | 'job';
}

export const USE_CASES = {
  // Backups
  listBackups: { needs: 'signed-in', rights: 'own' },
  showBackup: { needs: 'signed-in', rights: 'own' },
  showBackupDays: { needs: 'viewer', rights: 'own', hides: 'implementation' },
  estimateBackup: { needs: 'administrator', rights: 'service', hides: 'implementation' },
  createBackup: { needs: 'administrator', rights: 'service', hides: 'implementation' },
  createBackups: { needs: 'administrator', rights: 'service', hides: 'implementation' },
  deleteBackup: { needs: 'administrator', rights: 'service' },
  verifyAllBackups: { needs: 'administrator', rights: 'service' },
  verifyBackup: { needs: 'administrator', rights: 'service' },
  holdBackup: { needs: 'administrator', rights: 'own' },
  releaseBackup: { needs: 'administrator', rights: 'own' },
  listBackupTables: { needs: 'administrator', rights: 'service' },
  showRecentChanges: { needs: 'administrator', rights: 'service', hides: 'implementation' },
  proposeBackup: { needs: 'administrator', rights: 'own' },
  readBackupRows: { needs: 'administrator', rights: 'service' },
  exportBackup: { needs: 'administrator', rights: 'service' },
  diffBackups: { needs: 'administrator', rights: 'service' },
  // Restores
  planRestore: { needs: 'administrator', rights: 'service' },
  readPlanRows: { needs: 'administrator', rights: 'service', hides: 'plan' },
  showPlan: { needs: 'administrator', rights: 'service', hides: 'plan' },
  applyRestore: { needs: 'administrator', rights: 'service', hides: 'plan' },
  undoRestore: { needs: 'administrator', rights: 'service', hides: 'restore' },
  showRestore: { needs: 'viewer', rights: 'own', hides: 'restore' },
  listRestores: { needs: 'viewer', rights: 'own' },
  // Modules and implementations
  listModules: { needs: 'viewer', rights: 'service' },
  showModule: { needs: 'administrator', rights: 'service', hides: 'module' },
  discoverModule: { needs: 'administrator', rights: 'service' },
  applyDefinition: { needs: 'administrator', rights: 'service' },
  listImplementations: { needs: 'viewer', rights: 'service' },
  showImplementation: { needs: 'viewer', rights: 'service', hides: 'implementation' },
  showConfiguration: { needs: 'administrator', rights: 'service', hides: 'implementation' },
  addImplementation: { needs: 'administrator', rights: 'service', hides: 'module' },
  // Settings
  resolveSettings: { needs: 'administrator', rights: 'own', hides: 'implementation' },
  updateSettings: { needs: 'administrator', rights: 'own', hides: 'implementation' },
  simulateRetention: { needs: 'administrator', rights: 'own', hides: 'implementation' },
  // What runs by itself
  cleanupExpiredBackups: { needs: 'administrator', rights: 'service' },
  executeScheduledBackups: { needs: 'administrator', rights: 'service' },
  // Jobs
  enqueueJob: { needs: 'administrator', rights: 'service' },
  listJobs: { needs: 'viewer', rights: 'own' },
  showJob: { needs: 'viewer', rights: 'own', hides: 'job' },
  cancelJob: { needs: 'administrator', rights: 'service', hides: 'job' },
  runJob: { needs: 'administrator', rights: 'service' },
  drainJobs: { needs: 'administrator', rights: 'service' },
  tendJobs: { needs: 'administrator', rights: 'service' },
  announceWorker: { needs: 'administrator', rights: 'service' },
  withdrawWorker: { needs: 'administrator', rights: 'service' },
  readQueueFigures: { needs: 'administrator', rights: 'service' },
  // Administrators
  listAdministrators: { needs: 'administrator', rights: 'own' },
  addAdministrator: { needs: 'administrator', rights: 'service' },
  removeAdministrator: { needs: 'administrator', rights: 'service' },
  resetAdministrators: { needs: 'operator', rights: 'service' },
  // People, where Supabase does not keep them
  addPerson: { needs: 'administrator', rights: 'service' },
  resetPassword: { needs: 'administrator', rights: 'service' },
  ensureFirstAdministrator: { needs: 'operator', rights: 'service' },
  // Audit and notifications
  listAuditLogs: { needs: 'administrator', rights: 'own' },
  listNotifications: { needs: 'administrator', rights: 'own' },
  markNotifications: { needs: 'administrator', rights: 'own' },
  // Figures
  showStatistics: { needs: 'viewer', rights: 'own' },
  // The repository itself
  addRecoveryFiles: { needs: 'operator', rights: 'service' },
  initRepository: { needs: 'operator', rights: 'service' },
  showRepository: { needs: 'administrator', rights: 'service' },
  checkRepository: { needs: 'administrator', rights: 'service' },
  importBackups: { needs: 'administrator', rights: 'service' },
  collectRepositoryGarbage: { needs: 'administrator', rights: 'service' },
  listKeys: { needs: 'administrator', rights: 'service' },
  addKey: { needs: 'administrator', rights: 'service' },
  removeKey: { needs: 'administrator', rights: 'service' },
  rotateRootKey: { needs: 'administrator', rights: 'service' },
  showRecoveryState: { needs: 'administrator', rights: 'service' },
  takeRecoveryKit: { needs: 'administrator', rights: 'service' },
  // The demo
  showDemoState: { needs: 'administrator', rights: 'service' },
  damageDemo: { needs: 'administrator', rights: 'service' },
} as const satisfies Record<string, UseCaseFacts>;

export type UseCaseName = keyof typeof USE_CASES;
