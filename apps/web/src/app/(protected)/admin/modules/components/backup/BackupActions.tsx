'use client';

import type { BackupDocument, JobDocument } from '@cofre/contracts';
import {
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
import { releaseModuleBackup, verifyModuleBackup } from '#app/actions/admin/modules/module-backups.ts';
import { useExactTime } from '#components/date-time.tsx';
import { LazyMenu, type Menu } from '#components/lazy-menu.tsx';
import { toast } from '#components/toast.ts';
import { useAction } from '#components/use-action.ts';
import { useLoaded } from '#components/use-loaded.ts';
import { backupPath } from '#lib/paths.ts';

const fetchDialogs = () => import('./backup-dialogs.ts');

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
  const { loaded: dialogs, prepare, need } = useLoaded(fetchDialogs);
  const verify = useAction(verifyModuleBackup, { onSuccess: onStarted });
  if (!isAdministrator && isOwnPage) return null;
  const open = (which: 'hold' | 'delete') => {
    need();
    setDialog(which);
  };
  const close = () => setDialog(null);
  return (
    <>
      <LazyMenu
        variant="ghost"
        size="icon"
        aria-label={t('actionsOf', { date: exact(backup.createdAt) })}
        face={<EllipsisVerticalIcon aria-hidden="true" />}
        onOpen={prepare}
      >
        {(menu) => (
          <Entries
            menu={menu}
            backup={backup}
            isAdministrator={isAdministrator}
            isOwnPage={isOwnPage}
            onVerify={() => verify.run({ backup: backup.id })}
            onDialog={open}
            onChanged={onChanged}
          />
        )}
      </LazyMenu>
      {dialogs === null ? null : (
        <>
          <dialogs.HoldBackupDialog backup={backup} isOpen={dialog === 'hold'} onClose={close} onHeld={onChanged} />
          <dialogs.DeleteBackupDialog
            backup={backup}
            isOpen={dialog === 'delete'}
            onClose={close}
            onStarted={onStarted}
          />
        </>
      )}
    </>
  );
}

interface EntriesProps extends Pick<BackupActionsProps, 'backup' | 'isAdministrator' | 'onChanged'> {
  readonly menu: Menu;
  readonly isOwnPage: boolean;
  readonly onVerify: () => void;
  readonly onDialog: (which: 'hold' | 'delete') => void;
}

function Entries({ menu, backup, isAdministrator, isOwnPage, onVerify, onDialog, onChanged }: EntriesProps) {
  const t = useTranslations('backups');
  return (
    <>
      {isOwnPage ? null : (
        <menu.DropdownMenuItem asChild>
          <Link href={backupPath(backup)} prefetch={false}>
            <FileSearchIcon aria-hidden="true" />
            {t('open')}
          </Link>
        </menu.DropdownMenuItem>
      )}
      {isAdministrator && backup.status === 'completed' ? (
        <>
          <menu.DropdownMenuItem onSelect={onVerify}>
            <ShieldCheckIcon aria-hidden="true" />
            {t('verify')}
          </menu.DropdownMenuItem>
          <HoldItem menu={menu} backup={backup} onHold={() => onDialog('hold')} onChanged={onChanged} />
        </>
      ) : null}
      {isAdministrator ? (
        <>
          <menu.DropdownMenuSeparator />
          <menu.DropdownMenuItem variant="destructive" onSelect={() => onDialog('delete')}>
            <Trash2Icon aria-hidden="true" />
            {t('delete')}
          </menu.DropdownMenuItem>
        </>
      ) : null}
    </>
  );
}

interface HoldItemProps extends Pick<BackupActionsProps, 'backup' | 'onChanged'> {
  readonly menu: Menu;
  readonly onHold: () => void;
}

/** To hold asks why; to release asks nothing. */
function HoldItem({ menu, backup: { id, held }, onHold, onChanged }: HoldItemProps) {
  const t = useTranslations('backups');
  const release = useAction(releaseModuleBackup, {
    onSuccess: () => {
      toast.success(t('released'));
      onChanged();
    },
  });
  return held ? (
    <menu.DropdownMenuItem onSelect={() => release.run({ backup: id })}>
      <LockOpenIcon aria-hidden="true" />
      {t('release')}
    </menu.DropdownMenuItem>
  ) : (
    <menu.DropdownMenuItem onSelect={onHold}>
      <LockIcon aria-hidden="true" />
      {t('hold')}
    </menu.DropdownMenuItem>
  );
}
