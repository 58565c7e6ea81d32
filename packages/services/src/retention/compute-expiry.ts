import type { BackupSettings, ImplementationRef } from '@cofre/contracts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { settingsInForce } from '../settings/settings-in-force.ts';

const DAY_MS = 86_400_000;

export interface Expiry {
  /** null: never. */
  readonly expiresAt: Date | null;
  readonly source: 'explicit' | 'policy';
}

/** When a backup made at `createdAt` ends, by the settings. */
export function policyExpiry(
  settings: Pick<BackupSettings, 'retentionDays' | 'safetyDays'>,
  { createdAt, safety }: { readonly createdAt: Date; readonly safety: boolean },
): Date | null {
  const days = safety ? settings.safetyDays : settings.retentionDays;
  return days === null ? null : new Date(createdAt.getTime() + days * DAY_MS);
}

/** When a new backup ends: as somebody said (null: never), else by the settings in force. */
export async function expiryOf(
  catalogue: Catalogue,
  backup: {
    readonly ref: ImplementationRef;
    readonly createdAt: Date;
    readonly safety: boolean;
    readonly asked: string | null | undefined;
    /** Those in force, where they are known already. */
    readonly settings?: BackupSettings | undefined;
  },
): Promise<Expiry> {
  const { ref, asked, settings } = backup;
  if (asked === null) return { expiresAt: null, source: 'explicit' };
  if (asked !== undefined) return { expiresAt: new Date(asked), source: 'explicit' };
  return { expiresAt: policyExpiry(settings ?? (await settingsInForce(catalogue, ref)), backup), source: 'policy' };
}

/**
 * When a backup ends of which the manifest alone is known. A policy counts whole days from its beginning, to the
 * millisecond, and nobody else does; whether `never` was somebody's wish is not known, so it is taken for one.
 */
export function importedExpiry(manifest: { readonly createdAt: string; readonly expiresAt: string | null }): Expiry {
  if (manifest.expiresAt === null) return { expiresAt: null, source: 'explicit' };
  const expiresAt = new Date(manifest.expiresAt);
  const isWholeDays = (expiresAt.getTime() - Date.parse(manifest.createdAt)) % DAY_MS === 0;
  return { expiresAt, source: isWholeDays ? 'policy' : 'explicit' };
}
