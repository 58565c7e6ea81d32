'use client';

import type { ImplementationDocument } from '@cofre/contracts';
import dynamic from 'next/dynamic';
import { usePathname, useRouter, useSearchParams } from 'next/navigation';
import { useTranslations } from 'next-intl';
import type { ReactNode } from 'react';
import { Tabs, TabsContent, TabsList, TabsTrigger } from '#components/ui/tabs.tsx';
import { BackupListSkeleton } from '../../backup/BackupListSkeleton.tsx';

/** Who looks at the details alone needs nothing of it. */
const ModuleBackupManager = dynamic(
  async () => (await import('../../backup/ModuleBackupManager.tsx')).ModuleBackupManager,
  { loading: BackupListSkeleton },
);

interface ImplementationDetailsPanelProps {
  readonly implementation: ImplementationDocument;
  readonly isAdministrator: boolean;
  /** The tab *Details*, made by the server. */
  readonly details: ReactNode;
}

const TABS = ['details', 'backups'] as const;

/** The tabs Details | Backups. Which is open stands in the address, so that it can be sent and gone back to. */
export function ImplementationDetailsPanel({
  implementation,
  isAdministrator,
  details,
}: ImplementationDetailsPanelProps) {
  const t = useTranslations('implementation');
  const router = useRouter();
  const pathname = usePathname();
  const asked = useSearchParams().get('tab');
  const tab = TABS.find((it) => it === asked) ?? 'details';
  // The server has nothing to do for it: the history alone is told.
  const open = (next: string) => window.history.pushState(null, '', `${pathname}?tab=${next}`);
  // Where it cannot be had now, it can be when it is needed.
  const prepare = () => void import('../../backup/ModuleBackupManager.tsx').catch(() => undefined);
  return (
    <Tabs value={tab} onValueChange={open}>
      <TabsList aria-label={t('tabs')}>
        <TabsTrigger value="details">{t('details')}</TabsTrigger>
        <TabsTrigger value="backups" onPointerEnter={prepare} onFocus={prepare}>
          {t('backups')}
        </TabsTrigger>
      </TabsList>
      <TabsContent value="details">{details}</TabsContent>
      <TabsContent value="backups">
        <ModuleBackupManager
          implementation={implementation}
          isAdministrator={isAdministrator}
          onChanged={() => router.refresh()}
        />
      </TabsContent>
    </Tabs>
  );
}
