'use client';

import type { BackupDocument } from '@cofre/contracts';
import { useTranslations } from 'next-intl';
import { readSafetyDescription } from '#lib/safety-description.ts';

/** What a backup is described by: as somebody wrote it, and in the reader's language where a restore did. null: by nothing. */
export function useDescription({ description }: Pick<BackupDocument, 'description'>): string | null {
  const t = useTranslations('backups.safetyDescriptions');
  const safety = description === null ? null : readSafetyDescription(description);
  return safety === null ? description : t(safety.purpose, { plan: safety.plan });
}
