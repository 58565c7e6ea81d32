'use client';

import type { BackupDocument, JobDocument } from '@cofre/contracts';
import {
  DownloadIcon,
  EllipsisVerticalIcon,
  FileSearchIcon,
  LockIcon,
  LockOpenIcon,
  ShieldCheckIcon,
  Trash2Icon,
} from 'lucide-react';
import Link from 'next/link';
import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { toast } from 'sonner';
import { releaseModuleBackup, verifyModuleBackup } from '#app/actions/admin/modules/module-backups.ts';
import { useExactTime } from '#components/date-time.tsx';
import { Button } from '#components/ui/button.tsx';
import {
  DropdownMenu,
  DropdownMenuContent,
  DropdownMenuItem,
  DropdownMenuSeparator,
  DropdownMenuTrigger,
} from '#components/ui/dropdown-menu.tsx';
import { useAction } from '#components/use-action.ts';
import { backupPath } from '#lib/paths.ts';
import { DeleteBackupDialog } from './DeleteBackupDialog.tsx';
import { HoldBackupDialog } from './HoldBackupDialog.tsx';

interface BackupActionsProps {
  readonly backup: BackupDocument;
  readonly isAdministrator: boolean;
  readonly onChanged: () => void;
  readonly onStarted: (job: JobDocument) => void;
  /** Where the backup is open already. */
  readonly isOwnPage?: boolean;
}

/** Everything that can be done with one backup. A viewer is offered to look at it, and nothing else. */
export function BackupActions({
  backup,
  isAdministrator,
  onChanged,
  onStarted,
  isOwnPage = false,
}: BackupActionsProps) {
  const t = useTranslations('backups');
  const exact = useExactTime();
  const [dialog, setDialog] = useState<'hold' | 'delete' | null>(null);
  const { id, status } = backup;
  const verify = useAction(verifyModuleBackup, { onSuccess: onStarted });
  if (!isAdministrator && isOwnPage) return null;
  const isDone = status === 'completed';
  const close = () => setDialog(null);
  return (
    <>
      <DropdownMenu>
        <DropdownMenuTrigger asChild>
          <Button variant="ghost" size="icon" aria-label={t('actionsOf', { date: exact(backup.createdAt) })}>
            <EllipsisVerticalIcon aria-hidden="true" />
          </Button>
        </DropdownMenuTrigger>
        <DropdownMenuContent align="end">
          {isOwnPage ? null : (
            <DropdownMenuItem asChild>
              <Link href={backupPath(backup)}>
                <FileSearchIcon aria-hidden="true" />
                {t('open')}
              </Link>
            </DropdownMenuItem>
          )}
          {isAdministrator && isDone ? (
            <>
              <DropdownMenuItem onSelect={() => verify.run({ backup: id })}>
                <ShieldCheckIcon aria-hidden="true" />
                {t('verify')}
              </DropdownMenuItem>
              <HoldItem backup={backup} onHold={() => setDialog('hold')} onChanged={onChanged} />
              <DropdownMenuItem disabled>
                <DownloadIcon aria-hidden="true" />
                {t('downloadLater')}
              </DropdownMenuItem>
            </>
          ) : null}
          {isAdministrator ? (
            <>
              <DropdownMenuSeparator />
              <DropdownMenuItem variant="destructive" onSelect={() => setDialog('delete')}>
                <Trash2Icon aria-hidden="true" />
                {t('delete')}
              </DropdownMenuItem>
            </>
          ) : null}
        </DropdownMenuContent>
      </DropdownMenu>
      <HoldBackupDialog backup={backup} isOpen={dialog === 'hold'} onClose={close} onHeld={onChanged} />
      <DeleteBackupDialog backup={backup} isOpen={dialog === 'delete'} onClose={close} onStarted={onStarted} />
    </>
  );
}

interface HoldItemProps extends Pick<BackupActionsProps, 'backup' | 'onChanged'> {
  readonly onHold: () => void;
}

/** To hold asks why; to release asks nothing. */
function HoldItem({ backup: { id, held }, onHold, onChanged }: HoldItemProps) {
  const t = useTranslations('backups');
  const release = useAction(releaseModuleBackup, {
    onSuccess: () => {
      toast.success(t('released'));
      onChanged();
    },
  });
  return held ? (
    <DropdownMenuItem onSelect={() => release.run({ backup: id })}>
      <LockOpenIcon aria-hidden="true" />
      {t('release')}
    </DropdownMenuItem>
  ) : (
    <DropdownMenuItem onSelect={onHold}>
      <LockIcon aria-hidden="true" />
      {t('hold')}
    </DropdownMenuItem>
  );
}
