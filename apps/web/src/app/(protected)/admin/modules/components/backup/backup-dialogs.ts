/** What a backup's menu opens, fetched together when somebody opens the menu. */
export { DeleteBackupDialog } from './DeleteBackupDialog.tsx';
export { HoldBackupDialog } from './HoldBackupDialog.tsx';
