import type { ImplementationDetailDocument } from '@cofre/contracts';
import type { Metadata } from 'next';
import Link from 'next/link';
import { getTranslations } from 'next-intl/server';
import { Suspense } from 'react';
import { LifeBuoyIcon } from 'lucide-react';
import { Badge } from '#components/ui/badge.tsx';
import {
  Breadcrumb,
  BreadcrumbItem,
  BreadcrumbList,
  BreadcrumbPage,
  BreadcrumbSeparator,
} from '#components/ui/breadcrumb.tsx';
import { Button } from '#components/ui/button.tsx';
import { implementationPath } from '#lib/paths.ts';
import { protectionOf } from '#lib/protection.ts';
import { findImplementation } from '#server/find-implementation.ts';
import { requireViewer } from '#server/viewer.ts';
import { Configuration, ConfigurationSkeleton } from './configuration.tsx';
import { ImplementationDetails } from '../../components/assignments/implementations-manager/ImplementationDetails.tsx';
import { ImplementationDetailsPanel } from '../../components/assignments/implementations-manager/ImplementationDetailsPanel.tsx';
import { ProtectionBadge } from '../../components/protection-badge.tsx';

interface ImplementationPageProps {
  readonly params: Promise<{ readonly module: string; readonly implementation: string }>;
}

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
      <Header implementation={implementation} isAdministrator={isAdministrator} />
      <ImplementationDetailsPanel
        implementation={implementation}
        isAdministrator={isAdministrator}
        details={
          <ImplementationDetails implementation={implementation}>
            {isAdministrator ? (
              <Suspense fallback={<ConfigurationSkeleton />}>
                <Configuration service={service} implementation={implementation.id} />
              </Suspense>
            ) : null}
          </ImplementationDetails>
        }
      />
    </div>
  );
}

interface HeaderProps {
  readonly implementation: ImplementationDetailDocument;
  readonly isAdministrator: boolean;
}

async function Header({ implementation, isAdministrator }: HeaderProps) {
  const t = await getTranslations('implementation');
  const { name, version, active, tenants, backups } = implementation;
  return (
    <div className="flex flex-wrap items-start justify-between gap-4">
      <div className="flex min-w-0 flex-col gap-1.5">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
          <h1 className="text-2xl font-semibold tracking-tight break-words">{name}</h1>
          <ProtectionBadge state={protectionOf(implementation)} />
          {active === false ? <Badge variant="outline">{t('inactive')}</Badge> : null}
        </div>
        <p className="text-muted-foreground">
          {version === null ? null : <>{t('version', { version })} · </>}
          {t('tenantCount', { count: tenants })}
        </p>
      </div>
      {isAdministrator && backups > 0 ? (
        <Button variant="outline" asChild>
          <Link href={`${implementationPath(implementation)}/something-went-wrong`}>
            <LifeBuoyIcon aria-hidden="true" />
            {t('somethingWentWrong')}
          </Link>
        </Button>
      ) : null}
    </div>
  );
}
