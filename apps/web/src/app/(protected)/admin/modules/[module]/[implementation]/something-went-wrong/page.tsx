import type { Metadata } from 'next';
import { notFound } from 'next/navigation';
import { getTranslations } from 'next-intl/server';
import { QueryProvider } from '#components/query-provider.tsx';
import { findImplementation, type PlaceParams } from '#server/restore-place.ts';
import { requireAdministrator } from '#server/require-administrator.ts';
import { RestoreTrail } from '../../../components/restore/RestoreTrail.tsx';
import { SomethingWentWrong } from '../../../components/restore/SomethingWentWrong.tsx';

interface SomethingWentWrongPageProps {
  readonly params: Promise<PlaceParams>;
}

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations('restore.wrong'))('title') };
}

export default async function SomethingWentWrongPage({ params }: SomethingWentWrongPageProps) {
  const { service } = await requireAdministrator('planRestore');
  const { module, implementation: key } = await params;
  const [t, implementation] = await Promise.all([
    getTranslations('restore.wrong'),
    findImplementation(service, module, key),
  ]);
  if (implementation === null) notFound();
  const { id, module: slug } = implementation;
  return (
    <div className="mx-auto flex max-w-5xl flex-col gap-6">
      <RestoreTrail place={implementation} name={implementation.name} here={t('title')} />
      <div className="flex flex-col gap-1">
        <h1 className="text-2xl font-semibold tracking-tight">
          {t('title')}
          <span className="font-normal text-muted-foreground"> · {implementation.name}</span>
        </h1>
        <p className="text-muted-foreground">{t('lead')}</p>
      </div>
      <QueryProvider>
        <SomethingWentWrong implementation={{ id, module: slug, key: implementation.key }} />
      </QueryProvider>
    </div>
  );
}
