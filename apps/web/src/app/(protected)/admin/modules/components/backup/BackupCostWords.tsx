'use client';

import type { BackupCost } from '@cofre/contracts';
import { useTranslations } from 'next-intl';
import { useByteSize } from '#components/byte-size.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { roughly } from '#lib/roughly.ts';

/** What a backup is likely to cost, said as the estimate that it is. */
export function BackupCostWords({ cost }: { readonly cost: BackupCost | undefined }) {
  const t = useTranslations('create');
  const sizeOf = useByteSize();
  if (cost === undefined) return <Skeleton className="my-0.5 h-4 w-64 max-w-full" />;
  const { read, stored } = cost;
  const words = [
    read === null ? null : t('estimate.read', { rows: roughly(read.rows), size: sizeOf(roughly(read.bytes)) }),
    stored === null
      ? null
      : t('estimate.stored', { rows: roughly(stored.rowsChanged), size: sizeOf(roughly(stored.bytes)) }),
  ].filter((it) => it !== null);
  return <p className="text-foreground">{words.length === 0 ? t('estimate.none') : words.join(' ')}</p>;
}
