'use client';

import type { BackupDocument, JobDocument } from '@cofre/contracts';
import { LockIcon, Trash2Icon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { deleteModuleBackup } from '#app/actions/admin/modules/module-backups.ts';
import { useExactTime } from '#components/date-time.tsx';
import { toast } from '#components/toast.ts';
import {
  AlertDialog,
  AlertDialogCancel,
  AlertDialogContent,
  AlertDialogDescription,
  AlertDialogFooter,
  AlertDialogHeader,
  AlertDialogTitle,
} from '#components/ui/alert-dialog.tsx';
import { Alert, AlertDescription, AlertTitle } from '#components/ui/alert.tsx';
import { Button } from '#components/ui/button.tsx';
import { useAction } from '#components/use-action.ts';
import { useDescription } from './use-description.ts';

interface DeleteBackupDialogProps {
  readonly backup: BackupDocument;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onStarted: (job: JobDocument) => void;
}

/** Names what goes: type, date, description. One that is held says by whom, and is not deleted. */
export function DeleteBackupDialog({ backup, isOpen, onClose, onStarted }: DeleteBackupDialogProps) {
  const t = useTranslations('backups');
  const common = useTranslations('common');
  const exact = useExactTime();
  const { id, type, createdAt, held } = backup;
  const description = useDescription(backup);
  const remove = useAction(deleteModuleBackup, {
    onSuccess: (job) => {
      toast.success(t('deleteStarted'));
      onClose();
      onStarted(job);
    },
  });
  return (
    <AlertDialog open={isOpen} onOpenChange={(open) => !open && onClose()}>
      <AlertDialogContent>
        <AlertDialogHeader>
          <AlertDialogTitle>{t(held ? 'heldTitle' : 'deleteTitle')}</AlertDialogTitle>
          <AlertDialogDescription>{t(held ? 'heldNote' : 'deleteNote')}</AlertDialogDescription>
        </AlertDialogHeader>
        <div className="rounded-lg border bg-muted/50 px-4 py-3">
          <p className="font-medium">{t('typeAndDate', { type: t(`types.${type}`), date: exact(createdAt) })}</p>
          <p className="text-sm break-words text-muted-foreground">{description ?? t('noDescription')}</p>
        </div>
        {held ? <HeldBy backup={backup} /> : null}
        <AlertDialogFooter>
          <AlertDialogCancel>{common(held ? 'close' : 'cancel')}</AlertDialogCancel>
          {held ? null : (
            <Button
              variant="destructive"
              disabled={remove.isPending}
              aria-busy={remove.isPending}
              onClick={() => remove.run({ backup: id })}
            >
              <Trash2Icon aria-hidden="true" />
              {t('deleteForGood')}
            </Button>
          )}
        </AlertDialogFooter>
      </AlertDialogContent>
    </AlertDialog>
  );
}

/** Who holds a backup, since when and why. */
export function HeldBy({ backup: { heldBy, heldAt, heldReason } }: { readonly backup: BackupDocument }) {
  const t = useTranslations('backups');
  const exact = useExactTime();
  const name = heldBy ?? t('bySomebody');
  return (
    <Alert variant="info" role="note">
      <LockIcon aria-hidden="true" />
      <AlertTitle>
        {heldAt === null ? t('heldBy', { name }) : t('heldBySince', { name, date: exact(heldAt) })}
      </AlertTitle>
      {heldReason === null ? null : <AlertDescription className="break-words">{heldReason}</AlertDescription>}
    </Alert>
  );
}
