import type { ImplementationDocument } from '@cofre/contracts';

/** How well an implementation is looked after, the worst first. */
export const PROTECTION_STATES = ['failing', 'overdue', 'never', 'protected'] as const;
export type Protection = (typeof PROTECTION_STATES)[number];

export function protectionOf({
  backups,
  failures,
  overdue,
}: Pick<ImplementationDocument, 'backups' | 'failures' | 'overdue'>): Protection {
  if (failures > 0) return 'failing';
  if (overdue) return 'overdue';
  return backups === 0 ? 'never' : 'protected';
}
