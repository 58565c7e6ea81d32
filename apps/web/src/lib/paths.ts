interface Place {
  readonly module: string;
  readonly key: string;
}

/** The address of an implementation's page; keys may hold any letter. */
export function implementationPath({ module, key }: Place): string {
  return `/admin/modules/${encodeURIComponent(module)}/${encodeURIComponent(key)}`;
}

export function backupsPath(implementation: Place): string {
  return `${implementationPath(implementation)}?tab=backups`;
}

/** The page of one backup. */
export function backupPath({ id, implementation }: { readonly id: string; readonly implementation: Place }): string {
  return `${implementationPath(implementation)}/backups/${id}`;
}

/** A backup as a file. */
export function downloadPath(backup: Parameters<typeof backupPath>[0], format: string): string {
  return `${backupPath(backup)}/download?format=${encodeURIComponent(format)}`;
}

/** Where a backup is put back, after a look at what that would do. */
export function restorePath({ id, implementation }: { readonly id: string; readonly implementation: Place }): string {
  return `${implementationPath(implementation)}/restore/${id}`;
}
