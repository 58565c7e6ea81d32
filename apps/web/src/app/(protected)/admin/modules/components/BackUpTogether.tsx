'use client';

import type { ImplementationDocument, JobDocument } from '@cofre/contracts';
import { DatabaseBackupIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { createModuleBackups } from '#app/actions/admin/modules/module-backups.ts';
import { toast } from '#components/toast.ts';
import { Button } from '#components/ui/button.tsx';
import { useAction } from '#components/use-action.ts';

interface BackUpTogetherProps {
  readonly implementations: readonly ImplementationDocument[];
  readonly onDone: (started: readonly JobDocument[]) => void;
  readonly onClear: () => void;
}

/** What can be done with those that are ticked: a bar that stays in sight. */
export function BackUpTogether({ implementations, onDone, onClear }: BackUpTogetherProps) {
  const t = useTranslations('modules');
  const create = useAction(createModuleBackups, {
    onSuccess: (jobs) => {
      toast.success(t('togetherStarted', { count: jobs.length }));
      onDone(jobs);
    },
  });
  const count = implementations.length;
  if (count === 0) return null;
  return (
    <section
      aria-label={t('selection')}
      className="sticky bottom-4 z-30 flex flex-wrap items-center justify-between gap-3 rounded-xl border bg-popover p-3 pl-4 text-popover-foreground shadow-lg"
    >
      <p className="text-sm font-medium" role="status">
        {t('selected', { count })}
      </p>
      <div className="flex flex-wrap gap-2">
        <Button variant="ghost" onClick={onClear}>
          {t('clearSelection')}
        </Button>
        <Button
          disabled={create.isPending}
          aria-busy={create.isPending}
          onClick={() => create.run({ type: 'incremental', implementations: implementations.map(({ id }) => id) })}
        >
          <DatabaseBackupIcon aria-hidden="true" />
          {t('backUpTogether')}
        </Button>
      </div>
    </section>
  );
}
