import { type BackupDocument, ERROR_CODES, type ErrorCode, isCofreError } from '@cofre/contracts';
import { type ServiceContext, showBackup } from '@cofre/services';
import { CircleAlertIcon } from 'lucide-react';
import type { Metadata } from 'next';
import Link from 'next/link';
import { notFound } from 'next/navigation';
import { getFormatter, getTranslations } from 'next-intl/server';
import { cache, Suspense } from 'react';
import { Alert, AlertDescription, AlertTitle } from '#components/ui/alert.tsx';
import {
  Breadcrumb,
  BreadcrumbItem,
  BreadcrumbList,
  BreadcrumbPage,
  BreadcrumbSeparator,
} from '#components/ui/breadcrumb.tsx';
import { backupPath, backupsPath } from '#lib/paths.ts';
import { decoded } from '#server/find-implementation.ts';
import { requireViewer } from '#server/viewer.ts';
import { errorWording, errorWords, wordedBackup } from '#server/worded.ts';
import { BackupAbout } from './components/BackupAbout.tsx';
import { BackupFrame } from './components/BackupFrame.tsx';
import { BackupRows } from './backup-rows.tsx';
import { BackupViews, VIEWS } from './components/BackupViews.tsx';
import { Comparison } from './comparison.tsx';
import { PartSkeleton } from './components/PartSkeleton.tsx';

interface BackupPageProps {
  readonly params: Promise<{ readonly module: string; readonly implementation: string; readonly backup: string }>;
  readonly searchParams: Promise<Readonly<Record<string, string | string[] | undefined>>>;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A backup of the implementation that the address names; of a deleted one too. */
const findBackup = cache(async (service: ServiceContext, path: string): Promise<BackupDocument> => {
  const [module, key, id] = path.split('/').map(decoded);
  if (id === undefined || id === null || !UUID.test(id)) notFound();
  try {
    const backup = await showBackup(service, { backup: id });
    if (backup.implementation.module !== module || backup.implementation.key !== key) notFound();
    return wordedBackup(backup, await errorWording());
  } catch (error) {
    if (isCofreError(error, 'backup/not-found')) notFound();
    throw error;
  }
});

async function backupOf(service: ServiceContext, params: BackupPageProps['params']): Promise<BackupDocument> {
  const { module, implementation, backup } = await params;
  return findBackup(service, `${module}/${implementation}/${backup}`);
}

export async function generateMetadata({ params }: BackupPageProps): Promise<Metadata> {
  const { service } = await requireViewer();
  const [t, format, { createdAt }] = await Promise.all([
    getTranslations('backup'),
    getFormatter(),
    backupOf(service, params),
  ]);
  return {
    title: t('title', { date: format.dateTime(new Date(createdAt), { dateStyle: 'medium', timeStyle: 'short' }) }),
  };
}

export default async function BackupPage({ params, searchParams }: BackupPageProps) {
  const { service, isAdministrator } = await requireViewer();
  const [t, backup, asked] = await Promise.all([getTranslations('backup'), backupOf(service, params), searchParams]);
  const text = (name: string): string | undefined => {
    const value = asked[name];
    return typeof value === 'string' ? value : undefined;
  };
  const canLookInside = isAdministrator && backup.status === 'completed';
  const view = (canLookInside ? VIEWS.find((it) => it === text('view')) : undefined) ?? 'about';
  const failure = failureOf(text('failed'));
  const { module, key } = backup.implementation;
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
          <BreadcrumbItem>
            <Link href={backupsPath(backup.implementation)} className="hover:text-foreground hover:underline">
              {module}/{key}
            </Link>
          </BreadcrumbItem>
          <BreadcrumbSeparator />
          <BreadcrumbItem>
            <BreadcrumbPage>{t('backup')}</BreadcrumbPage>
          </BreadcrumbItem>
        </BreadcrumbList>
      </Breadcrumb>
      <BackupFrame backup={backup} isAdministrator={isAdministrator}>
        {failure === null ? null : <DownloadFailure code={failure} />}
        {canLookInside ? <BackupViews path={backupPath(backup)} open={view} /> : null}
        {view === 'about' ? (
          <BackupAbout backup={backup} />
        ) : (
          // Another table or another comparison begins with a skeleton of its own: what led there stays, and has the focus.
          <Suspense key={view} fallback={<PartSkeleton />}>
            {view === 'rows' ? (
              <BackupRows service={service} backup={backup} table={text('table')} page={text('page')} />
            ) : (
              <Comparison service={service} backup={backup} other={text('with')} table={text('table')} />
            )}
          </Suspense>
        )}
      </BackupFrame>
    </div>
  );
}

/** Of a download that did not even begin. */
function failureOf(code: string | undefined): ErrorCode | null {
  return code !== undefined && Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : null; // one of its own keys
}

async function DownloadFailure({ code }: { readonly code: ErrorCode }) {
  const [t, common, { message, hint }] = await Promise.all([
    getTranslations('backup.download'),
    getTranslations('common'),
    errorWords({ code }),
  ]);
  return (
    <Alert variant="danger">
      <CircleAlertIcon aria-hidden="true" />
      <AlertTitle>{t('failed')}</AlertTitle>
      <AlertDescription>
        <p>{message}</p>
        <p>{hint}</p>
        <p className="font-mono text-xs">{common('code', { code })}</p>
      </AlertDescription>
    </Alert>
  );
}
