import { listImplementations, listModules, type ServiceContext, showDemoState } from '@cofre/services';
import type { Metadata } from 'next';
import { getTranslations } from 'next-intl/server';
import { Suspense } from 'react';
import { EmptyState } from '#components/empty-state.tsx';
import { requireViewer } from '#server/viewer.ts';
import { BackupFigures, BackupFiguresSkeleton } from './backup-figures.tsx';
import { DemoStrip } from './components/DemoStrip.tsx';
import { ModuleBrowser } from './components/ModuleBrowser.tsx';
import { ModuleListSkeleton } from './components/module-list-skeleton.tsx';

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations('modules'))('title') };
}

export default async function ModulesPage() {
  const { service, isAdministrator } = await requireViewer();
  const t = await getTranslations('modules');
  return (
    <div className="flex flex-col gap-6">
      <div>
        <h1 className="text-2xl font-semibold tracking-tight">{t('title')}</h1>
        <p className="text-muted-foreground">{t('description')}</p>
      </div>
      <Suspense fallback={<BackupFiguresSkeleton />}>
        <BackupFigures service={service} />
      </Suspense>
      <Suspense fallback={<ModuleListSkeleton />}>
        <ModuleList service={service} isAdministrator={isAdministrator} />
      </Suspense>
    </div>
  );
}

interface ModuleListProps {
  readonly service: ServiceContext;
  readonly isAdministrator: boolean;
}

async function ModuleList({ service, isAdministrator }: ModuleListProps) {
  const [t, modules, implementations, demo] = await Promise.all([
    getTranslations('modules'),
    listModules(service),
    listImplementations(service),
    isAdministrator ? showDemoState(service) : null,
  ]);
  if (modules.length === 0) return <EmptyState title={t('empty')} description={t('emptyHint')} />;
  const damageable = implementations.find(({ id }) => id === demo?.damageable?.id);
  return (
    <div className="flex flex-col gap-6">
      {damageable === undefined ? null : <DemoStrip implementation={damageable} />}
      <ModuleBrowser modules={modules} implementations={implementations} isAdministrator={isAdministrator} />
    </div>
  );
}
