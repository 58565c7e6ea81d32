const DESCRIPTION = /^Before (restoring|undoing a restore) \(plan ([0-9a-f]{8})(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\)$/;

export interface SafetyDescription {
  readonly purpose: 'restore' | 'undo';
  /** The beginning of its plan's id. */
  readonly plan: string;
}

/** What the description of a backup says that a restore made before it wrote; null: somebody wrote it in their own words. */
export function readSafetyDescription(description: string): SafetyDescription | null {
  const [, doing, plan] = DESCRIPTION.exec(description) ?? [];
  if (doing === undefined || plan === undefined) return null;
  return { purpose: doing === 'restoring' ? 'restore' : 'undo', plan };
}
