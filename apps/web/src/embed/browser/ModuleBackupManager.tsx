'use client';

import type { ImplementationDocument } from '@cofre/contracts';
import type { ReactNode } from 'react';
import { ModuleBackupManager as Manager } from '#app/(protected)/admin/modules/components/backup/ModuleBackupManager.tsx';

export interface ModuleBackupManagerProps {
  /** What `showImplementation` and `listImplementations` give. */
  readonly implementation: Pick<ImplementationDocument, 'id' | 'module' | 'key' | 'rows' | 'nextBackupAt' | 'overdue'>;
  /** Who may not change things is not offered what would be refused. */
  readonly isAdministrator: boolean;
  /** Something was done that other parts of the page show too. */
  readonly onChanged?: () => void;
}

/** The backups of one implementation: how it goes, what runs, what there is, and what can be done with it. */
export function ModuleBackupManager(props: ModuleBackupManagerProps): ReactNode {
  return <Manager {...props} />;
}
