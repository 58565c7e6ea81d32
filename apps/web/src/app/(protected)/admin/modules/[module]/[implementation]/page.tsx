import type { ImplementationDocument } from '@cofre/contracts';
import { listImplementations, type ServiceContext } from '@cofre/services';
import type { Metadata } from 'next';
import Link from 'next/link';
import { notFound } from 'next/navigation';
import { getTranslations } from 'next-intl/server';
import { cache } from 'react';
import {
  Breadcrumb,
  BreadcrumbItem,
  BreadcrumbList,
  BreadcrumbPage,
  BreadcrumbSeparator,
} from '#components/ui/breadcrumb.tsx';
import { protectionOf } from '#lib/protection.ts';
import { requireViewer } from '#server/viewer.ts';
import { ImplementationDetails } from '../../components/assignments/implementations-manager/ImplementationDetails.tsx';
import { ImplementationDetailsPanel } from '../../components/assignments/implementations-manager/ImplementationDetailsPanel.tsx';
import { ProtectionBadge } from '../../components/protection-badge.tsx';

interface ImplementationPageProps {
  readonly params: Promise<{ readonly module: string; readonly implementation: string }>;
}

const findImplementation = cache(
  async (service: ServiceContext, module: string, key: string): Promise<ImplementationDocument> => {
    const all = await listImplementations(service, { module: decodeURIComponent(module) });
    return all.find((it) => it.key === decodeURIComponent(key)) ?? notFound();
  },
);

export async function generateMetadata({ params }: ImplementationPageProps): Promise<Metadata> {
  const { service } = await requireViewer();
  const { module, implementation } = await params;
  return { title: (await findImplementation(service, module, implementation)).name };
}

export default async function ImplementationPage({ params }: ImplementationPageProps) {
  const { service, isAdministrator } = await requireViewer();
  const { module, implementation: key } = await params;
  const [t, implementation] = await Promise.all([
    getTranslations('implementation'),
    findImplementation(service, module, key),
  ]);
  return (
    <div className="flex flex-col gap-6">
      <Breadcrumb aria-label={t('breadcrumb')}>
        <BreadcrumbList>
          <BreadcrumbItem>
            <Link href="/admin/modules" className="hover:text-foreground hover:underline">
              {t('modules')}
            </Link>
          </BreadcrumbItem>
          <BreadcrumbSeparator />
          <BreadcrumbItem>{implementation.module}</BreadcrumbItem>
          <BreadcrumbSeparator />
          <BreadcrumbItem>
            <BreadcrumbPage>{implementation.name}</BreadcrumbPage>
          </BreadcrumbItem>
        </BreadcrumbList>
      </Breadcrumb>
      <div className="flex flex-wrap items-center gap-3">
        <h1 className="text-2xl font-semibold tracking-tight break-words">{implementation.name}</h1>
        <ProtectionBadge state={protectionOf(implementation)} />
      </div>
      <ImplementationDetailsPanel
        implementation={implementation}
        isAdministrator={isAdministrator}
        details={<ImplementationDetails implementation={implementation} />}
      />
    </div>
  );
}
