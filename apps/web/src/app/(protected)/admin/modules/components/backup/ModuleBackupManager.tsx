'use client';

import type { BackupDocument, ImplementationRef } from '@cofre/contracts';
import { useInfiniteQuery } from '@tanstack/react-query';
import { DatabaseBackupIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import type { ReactNode } from 'react';
import { toast } from 'sonner';
import { createModuleBackup, listModuleBackups } from '#app/actions/admin/modules/module-backups.ts';
import { EmptyState } from '#components/empty-state.tsx';
import { ErrorState } from '#components/error-state.tsx';
import { Button } from '#components/ui/button.tsx';
import { useAction } from '#components/use-action.ts';
import { ActionFailure, dataOf } from '#lib/action-failure.ts';
import { BackupCard } from './BackupCard.tsx';
import { BackupListSkeleton } from './BackupListSkeleton.tsx';

interface ModuleBackupManagerProps {
  readonly implementation: Pick<ImplementationRef, 'id'>;
  /** Who may not change things is not offered what would be refused. */
  readonly isAdministrator: boolean;
  /** Something was done that other parts of the page show too: a backup was made, a restore put rows back. */
  readonly onChanged?: () => void;
}

const PAGE_SIZE = 20;

/** The backups of one implementation: what there is, and what can be done with it. */
export function ModuleBackupManager({ implementation, isAdministrator, onChanged }: ModuleBackupManagerProps) {
  const t = useTranslations('backups');
  const backups = useBackups(implementation.id);
  const create = useAction(createModuleBackup, {
    onSuccess: () => {
      toast.success(t('started'));
      void backups.refetch();
      onChanged?.();
    },
  });
  const backUpNow = isAdministrator ? (
    <Button
      onClick={() => create.run({ implementation: implementation.id, type: 'incremental' })}
      disabled={create.isPending}
      aria-busy={create.isPending}
    >
      <DatabaseBackupIcon aria-hidden="true" />
      {t('backUpNow')}
    </Button>
  ) : null;
  return (
    <section className="flex flex-col gap-4" aria-label={t('title')}>
      {backups.data === undefined || backups.items.length === 0 ? null : <div className="flex">{backUpNow}</div>}
      <BackupList backups={backups} offer={backUpNow} />
    </section>
  );
}

function useBackups(implementation: string) {
  const query = useInfiniteQuery({
    queryKey: ['backups', implementation],
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam: cursor }) =>
      dataOf(
        await listModuleBackups({ implementation, limit: PAGE_SIZE, ...(cursor === undefined ? {} : { cursor }) }),
      ),
    getNextPageParam: ({ nextCursor }) => nextCursor ?? undefined,
  });
  const items: readonly BackupDocument[] = query.data?.pages.flatMap((page) => page.items) ?? [];
  return { ...query, items };
}

interface BackupListProps {
  readonly backups: ReturnType<typeof useBackups>;
  readonly offer: ReactNode;
}

function BackupList({ backups, offer }: BackupListProps) {
  const t = useTranslations('backups');
  if (backups.isPending) return <BackupListSkeleton />;
  if (backups.isError) {
    const known = backups.error instanceof ActionFailure ? backups.error : null;
    return (
      <ErrorState
        message={known?.message ?? t('unreadable')}
        hint={known?.hint}
        code={known?.code}
        onRetry={() => void backups.refetch()}
      />
    );
  }
  if (backups.items.length === 0) {
    return (
      <EmptyState title={t('empty')} description={t('emptyHint')}>
        {offer}
      </EmptyState>
    );
  }
  return (
    <>
      <ul className="flex flex-col gap-3">
        {backups.items.map((backup) => (
          <li key={backup.id}>
            <BackupCard backup={backup} />
          </li>
        ))}
      </ul>
      {backups.hasNextPage ? (
        <Button
          variant="outline"
          className="self-center"
          disabled={backups.isFetchingNextPage}
          onClick={() => void backups.fetchNextPage()}
        >
          {t('more')}
        </Button>
      ) : null}
    </>
  );
}
