import { useTranslations } from 'next-intl';
import { Skeleton } from '#components/ui/skeleton.tsx';

/** As tall as the cards that come. */
export function BackupListSkeleton() {
  const t = useTranslations('common');
  return (
    <div className="flex flex-col gap-3" role="status" aria-label={t('loading')}>
      {['a', 'b', 'c', 'd'].map((it) => (
        <Skeleton key={it} className="h-28 rounded-xl" />
      ))}
    </div>
  );
}
