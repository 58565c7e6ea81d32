import { useTranslations } from 'next-intl';
import { Skeleton } from '#components/ui/skeleton.tsx';

/** As large as the cards that come. */
export function ModuleListSkeleton() {
  const t = useTranslations('common');
  return (
    <div className="grid gap-4 lg:grid-cols-2" role="status" aria-label={t('loading')}>
      {['a', 'b', 'c', 'd'].map((it) => (
        <Skeleton key={it} className="h-48 rounded-xl" />
      ))}
    </div>
  );
}
