'use client';

import type { ImplementationDocument } from '@cofre/contracts';
import { usePathname, useRouter, useSearchParams } from 'next/navigation';
import { useTranslations } from 'next-intl';
import type { ReactNode } from 'react';
import { Tabs, TabsContent, TabsList, TabsTrigger } from '#components/ui/tabs.tsx';
import { ModuleBackupManager } from '../../backup/ModuleBackupManager.tsx';

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
  return (
    <Tabs value={tab} onValueChange={open}>
      <TabsList aria-label={t('tabs')}>
        <TabsTrigger value="details">{t('details')}</TabsTrigger>
        <TabsTrigger value="backups">{t('backups')}</TabsTrigger>
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
