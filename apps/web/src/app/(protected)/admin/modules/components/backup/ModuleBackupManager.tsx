'use client';

import type { ImplementationDocument } from '@cofre/contracts';
import { useQueryClient } from '@tanstack/react-query';
import { useTranslations } from 'next-intl';
import { Button } from '#components/ui/button.tsx';
import { EmptyState } from '#components/empty-state.tsx';
import { QueryProvider } from '#components/query-provider.tsx';
import { QueryError } from '#components/query-error.tsx';
import { useUrlState } from '#lib/use-url-state.ts';
import { useJobReports } from '../jobs/use-job-reports.tsx';
import { BackupCard } from './BackupCard.tsx';
import { BackupFilters, readFilters, readOrder } from './BackupFilters.tsx';
import { BackupListSkeleton } from './BackupListSkeleton.tsx';
import { BackupOverview } from './BackupOverview.tsx';
import { CreateBackupButton } from './CreateBackupButton.tsx';
import { useBackups } from './use-backups.ts';

/** What of an implementation it takes. */
export type BackedUp = Pick<ImplementationDocument, 'id' | 'module' | 'key' | 'rows' | 'nextBackupAt' | 'overdue'>;

interface ModuleBackupManagerProps {
  readonly implementation: BackedUp;
  /** Who may not change things is not offered what would be refused. */
  readonly isAdministrator: boolean;
  /** Something was done that other parts of the page show too: a backup was made, a restore put rows back. */
  readonly onChanged?: () => void;
}

/** The backups of one implementation: how it goes, what runs, what there is, and what can be done with it. */
export function ModuleBackupManager(props: ModuleBackupManagerProps) {
  return (
    <QueryProvider>
      <Manager {...props} />
    </QueryProvider>
  );
}

function Manager({ implementation, isAdministrator, onChanged }: ModuleBackupManagerProps) {
  const t = useTranslations('backups');
  const client = useQueryClient();
  const { params, set } = useUrlState();
  const filters = readFilters(params);
  const order = readOrder(params);
  const backups = useBackups(implementation.id, { ...filters, order });
  const reload = () => {
    void client.invalidateQueries({ queryKey: ['backups', implementation.id] });
    void client.invalidateQueries({ queryKey: ['backup-days', implementation.id] });
    onChanged?.();
  };
  const jobs = useJobReports(implementation.id, { isAdministrator, onEnded: reload });
  const backUpNow = isAdministrator ? (
    <CreateBackupButton implementation={implementation} onStarted={jobs.follow} />
  ) : null;
  const isFiltered = Object.values(filters).some((value) => value !== undefined);
  return (
    <section className="flex flex-col gap-4" aria-label={t('title')}>
      <BackupOverview
        implementation={implementation}
        action={backUpNow}
        onDay={(day) => set({ from: day, to: day, type: null, status: null })}
      />
      <BackupFilters filters={filters} order={order} onChange={set} />
      {backups.isPending ? (
        <BackupListSkeleton />
      ) : backups.isError ? (
        <QueryError error={backups.error} fallback={t('unreadable')} onRetry={() => void backups.refetch()} />
      ) : backups.items.length > 0 ? (
        <>
          <ul className="flex flex-col gap-3" aria-label={t('title')}>
            {backups.items.map((backup) => (
              <li key={backup.id}>
                <BackupCard
                  backup={backup}
                  isAdministrator={isAdministrator}
                  onChanged={reload}
                  onStarted={jobs.follow}
                />
              </li>
            ))}
          </ul>
          {backups.hasNextPage ? (
            <Button
              variant="outline"
              className="self-center"
              disabled={backups.isFetchingNextPage}
              aria-busy={backups.isFetchingNextPage}
              onClick={() => void backups.fetchNextPage()}
            >
              {t(order === 'newest' ? 'more' : 'moreOthers')}
            </Button>
          ) : null}
        </>
      ) : isFiltered ? (
        <NothingFound onClear={() => set({ type: null, status: null, from: null, to: null })} />
      ) : (
        <EmptyState title={t('empty')} description={t('emptyHint')}>
          {isAdministrator ? (
            <CreateBackupButton implementation={implementation} onStarted={jobs.follow} isFirst />
          ) : null}
        </EmptyState>
      )}
      {jobs.cards}
    </section>
  );
}

function NothingFound({ onClear }: { readonly onClear: () => void }) {
  const t = useTranslations('backups');
  return (
    <EmptyState title={t('nothingFound')} description={t('nothingFoundHint')}>
      <Button variant="outline" onClick={onClear}>
        {t('clearFilters')}
      </Button>
    </EmptyState>
  );
}
