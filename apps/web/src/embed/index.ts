export { CofreProvider, type CofreProviderProps } from './cofre-provider.tsx';
export {
  ImplementationDetailsPanel,
  type ImplementationDetailsPanelProps,
} from './browser/implementation-details-panel.tsx';
export { ModuleBackupManager, type ModuleBackupManagerProps } from './browser/module-backup-manager.tsx';
export type { CofreAction, CofreCall } from './browser/remote-action.ts';
export type { CofreLocale, CofreTheme } from './looks.ts';
