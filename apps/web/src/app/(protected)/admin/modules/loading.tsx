import { getTranslations } from 'next-intl/server';
import { Skeleton } from '#components/ui/skeleton.tsx';

export default async function Loading() {
  const t = await getTranslations('common');
  return (
    <div className="flex flex-col gap-6" role="status" aria-label={t('loading')}>
      <Skeleton className="h-14 w-72 max-w-full" />
      <div className="grid gap-4 lg:grid-cols-2">
        {['a', 'b', 'c', 'd'].map((it) => (
          <Skeleton key={it} className="h-48 rounded-xl" />
        ))}
      </div>
    </div>
  );
}
