import { resolveSettings } from '@cofre/services';
import type { Metadata } from 'next';
import { getTranslations } from 'next-intl/server';
import { RelativeTime } from '#components/date-time.tsx';
import { QueryProvider } from '#components/query-provider.tsx';
import { findBackupPlace, findImplementation, type PlaceParams } from '#server/restore-place.ts';
import { requireAdministrator } from '#server/require-administrator.ts';
import { RestoreTrail } from '../../../../components/restore/RestoreTrail.tsx';
import { RestoreWizard } from '../../../../components/restore/RestoreWizard.tsx';

interface RestorePageProps {
  readonly params: Promise<PlaceParams & { readonly backupId: string }>;
}

export async function generateMetadata({ params }: RestorePageProps): Promise<Metadata> {
  const { service } = await requireAdministrator('planRestore');
  const { backupId, ...place } = await params;
  const [t, { name }] = await Promise.all([getTranslations('restore'), findBackupPlace(service, place, backupId)]);
  return { title: t('titleOf', { name }) };
}

export default async function RestorePage({ params }: RestorePageProps) {
  const { service } = await requireAdministrator('planRestore');
  const { backupId, ...place } = await params;
  const [t, types, { backup, name }, implementation] = await Promise.all([
    getTranslations('restore'),
    getTranslations('backups.types'),
    findBackupPlace(service, place, backupId),
    findImplementation(service, place.module, place.implementation),
  ]);
  const { settings } = await resolveSettings(
    service,
    implementation === null ? {} : { implementation: implementation.id },
  );
  const { id, type, createdAt, description, verifiedAt } = backup;
  const restored = { id, implementation: backup.implementation, type, createdAt, description, verifiedAt };
  return (
    <div className="mx-auto flex max-w-5xl flex-col gap-6">
      <RestoreTrail place={backup.implementation} name={name} here={t('title')} />
      <div className="flex flex-col gap-1">
        <h1 className="text-2xl font-semibold tracking-tight break-words">{t('titleOf', { name })}</h1>
        <p className="text-muted-foreground">
          {t.rich('from', {
            type: types(type),
            rows: backup.stats.rows,
            when: () => <RelativeTime at={createdAt} />,
          })}
        </p>
      </div>
      <QueryProvider>
        <RestoreWizard backup={restored} name={name} safetyDays={settings.safetyDays} />
      </QueryProvider>
    </div>
  );
}
