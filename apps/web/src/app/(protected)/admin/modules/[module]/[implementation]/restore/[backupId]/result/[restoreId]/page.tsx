import { isCofreError } from '@cofre/contracts';
import { showRestore } from '@cofre/services';
import type { Metadata } from 'next';
import { notFound } from 'next/navigation';
import { getTranslations } from 'next-intl/server';
import { QueryProvider } from '#components/query-provider.tsx';
import { findImplementation, type PlaceParams } from '#server/restore-place.ts';
import { requireAdministrator } from '#server/require-administrator.ts';
import { errorWords } from '#server/worded.ts';
import { RestoreResult } from '../../../../../../components/restore/RestoreResult.tsx';
import { RestoreTrail } from '../../../../../../components/restore/RestoreTrail.tsx';

interface ResultPageProps {
  readonly params: Promise<PlaceParams & { readonly backupId: string; readonly restoreId: string }>;
}

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations('restore.result'))('metaTitle') };
}

export default async function ResultPage({ params }: ResultPageProps) {
  const { service } = await requireAdministrator('planRestore');
  const { module, implementation: key, restoreId } = await params;
  const t = await getTranslations('restore.result');
  const restore = await showRestore(service, { restore: restoreId }).catch((error: unknown) => {
    if (isCofreError(error, 'restore/not-found') || isCofreError(error, 'usage/invalid')) notFound();
    throw error;
  });
  const place = restore.implementation;
  if (place.module !== decodeURIComponent(module) || place.key !== decodeURIComponent(key)) notFound();
  const name = (await findImplementation(service, module, key))?.name ?? place.key;
  return (
    <div className="mx-auto flex max-w-5xl flex-col gap-6">
      <RestoreTrail place={place} name={name} here={t('metaTitle')} />
      <QueryProvider>
        <RestoreResult
          restore={restore}
          name={name}
          error={restore.error === undefined ? null : await errorWords(restore.error)}
        />
      </QueryProvider>
    </div>
  );
}
