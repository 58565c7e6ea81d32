'use client';

import type { RestoreDetailDocument } from '@cofre/contracts';
import { Undo2Icon } from 'lucide-react';
import Link from 'next/link';
import { usePathname, useRouter, useSearchParams } from 'next/navigation';
import { useTranslations } from 'next-intl';
import { useEffect, useState } from 'react';
import { undoModuleRestore } from '#app/actions/admin/modules/module-restores.ts';
import { useExactTime } from '#components/date-time.tsx';
import {
  AlertDialog,
  AlertDialogCancel,
  AlertDialogContent,
  AlertDialogDescription,
  AlertDialogFooter,
  AlertDialogHeader,
  AlertDialogTitle,
  AlertDialogTrigger,
} from '#components/ui/alert-dialog.tsx';
import { Button } from '#components/ui/button.tsx';
import { Card, CardContent } from '#components/ui/card.tsx';
import { useAction } from '#components/use-action.ts';
import { JobProgress } from './JobProgress.tsx';
import { resultId } from './result-id.ts';
import { restoreResultPath } from './restore-address.ts';
import { Trouble } from './Trouble.tsx';
import { useJob } from './use-job.ts';

export type Undoable = Pick<
  RestoreDetailDocument,
  'id' | 'implementation' | 'backupId' | 'isUndoable' | 'undoableUntil' | 'undoneBy'
>;

interface UndoRestoreProps {
  readonly restore: Undoable;
}

/** The way back from a restore: until when there is one, its confirmation, and how far it is. */
export function UndoRestore({ restore }: UndoRestoreProps) {
  const job = useSearchParams().get('undo');
  return job === null ? <UndoOffer restore={restore} /> : <UndoRun restore={restore} job={job} />;
}

function UndoOffer({ restore }: UndoRestoreProps) {
  const t = useTranslations('restore.result');
  const exact = useExactTime();
  const { isUndoable, undoableUntil, undoneBy, implementation, backupId } = restore;
  const words =
    undoneBy !== null
      ? t('undone')
      : !isUndoable
        ? t('undoNot')
        : undoableUntil === null
          ? t('undoHeld')
          : t('undoUntil', { when: exact(undoableUntil) });
  return (
    <Card>
      <CardContent className="flex flex-wrap items-center justify-between gap-4">
        <p className="text-muted-foreground">{words}</p>
        {undoneBy === null ? (
          isUndoable ? (
            <UndoDialog restore={restore} />
          ) : null
        ) : (
          <Button asChild variant="outline">
            <Link href={restoreResultPath(implementation, { backupId, id: undoneBy })}>{t('undoneShow')}</Link>
          </Button>
        )}
      </CardContent>
    </Card>
  );
}

function UndoDialog({ restore }: UndoRestoreProps) {
  const t = useTranslations('restore.result');
  const common = useTranslations('common');
  const pathname = usePathname();
  const [isOpen, setOpen] = useState(false);
  const undo = useAction(undoModuleRestore, {
    onSuccess: ({ id }) => {
      setOpen(false);
      window.history.replaceState(null, '', `${pathname}?undo=${id}`);
    },
  });
  return (
    <AlertDialog open={isOpen} onOpenChange={setOpen}>
      <AlertDialogTrigger asChild>
        <Button variant="outline">
          <Undo2Icon aria-hidden="true" />
          {t('undo')}
        </Button>
      </AlertDialogTrigger>
      <AlertDialogContent>
        <AlertDialogHeader>
          <AlertDialogTitle>{t('undoAsk')}</AlertDialogTitle>
          <AlertDialogDescription>{t('undoAskHint')}</AlertDialogDescription>
        </AlertDialogHeader>
        <AlertDialogFooter>
          <AlertDialogCancel>{common('cancel')}</AlertDialogCancel>
          <Button
            disabled={undo.isPending}
            aria-busy={undo.isPending}
            onClick={() => undo.run({ restore: restore.id })}
          >
            {t('undoGo')}
          </Button>
        </AlertDialogFooter>
      </AlertDialogContent>
    </AlertDialog>
  );
}

function UndoRun({ restore, job: id }: UndoRestoreProps & { readonly job: string }) {
  const t = useTranslations('restore.run');
  const router = useRouter();
  const pathname = usePathname();
  const watched = useJob(id);
  const { job, refusal } = watched;
  const undone = job?.state === 'completed' ? resultId(job) : null;
  const { implementation, backupId } = restore;
  useEffect(() => {
    if (undone !== null) router.replace(restoreResultPath(implementation, { backupId, id: undone }));
  }, [undone, router, implementation, backupId]);
  const error = refusal ?? job?.error ?? null;
  if (error === null && job?.state !== 'canceled') return <JobProgress watched={watched} label={t('undoTitle')} />;
  const isStale = error?.code === 'plan/stale';
  const look = () => {
    window.history.replaceState(null, '', pathname);
    // Somebody else may have undone it.
    router.refresh();
  };
  return (
    <Trouble
      title={error === null ? t('canceled') : t('undoFailed')}
      message={isStale ? t('stale') : error?.message}
      hint={isStale ? t('canceledHint') : (error?.hint ?? t('canceledHint'))}
      code={error?.code}
      isMild={isStale}
    >
      <Button size="sm" variant="outline" onClick={look}>
        {t('reload')}
      </Button>
    </Trouble>
  );
}
