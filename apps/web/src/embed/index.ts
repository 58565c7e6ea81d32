export { CofreProvider, type CofreProviderProps } from './cofre-provider.tsx';
export {
  ImplementationDetailsPanel,
  type ImplementationDetailsPanelProps,
} from './browser/ImplementationDetailsPanel.tsx';
export { ModuleBackupManager, type ModuleBackupManagerProps } from './browser/ModuleBackupManager.tsx';
export type { CofreAction, CofreCall } from './browser/remote-action.ts';
export type { CofreLocale, CofreTheme } from './looks.ts';
