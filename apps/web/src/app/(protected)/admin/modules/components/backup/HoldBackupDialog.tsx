'use client';

import type { BackupDocument } from '@cofre/contracts';
import { LockIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { useId, useState } from 'react';
import { holdModuleBackup } from '#app/actions/admin/modules/module-backups.ts';
import { toast } from '#components/toast.ts';
import { Button } from '#components/ui/button.tsx';
import {
  Dialog,
  DialogClose,
  DialogContent,
  DialogDescription,
  DialogFooter,
  DialogHeader,
  DialogTitle,
} from '#components/ui/dialog.tsx';
import { Input } from '#components/ui/input.tsx';
import { Label } from '#components/ui/label.tsx';
import { useAction } from '#components/use-action.ts';

interface HoldBackupDialogProps {
  readonly backup: BackupDocument;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onHeld: () => void;
}

const REASON_LENGTH_MAX = 500;

/** Asks why, so that the next person knows whether it may be released. */
export function HoldBackupDialog({ backup, isOpen, onClose, onHeld }: HoldBackupDialogProps) {
  const t = useTranslations('backups');
  const common = useTranslations('common');
  const id = useId();
  const [reason, setReason] = useState('');
  const hold = useAction(holdModuleBackup, {
    onSuccess: () => {
      toast.success(t('nowHeld'));
      onClose();
      onHeld();
    },
  });
  const typed = reason.trim();
  return (
    <Dialog open={isOpen} onOpenChange={(open) => !open && onClose()}>
      <DialogContent>
        <form
          className="grid gap-4"
          onSubmit={(event) => {
            event.preventDefault();
            hold.run({ backup: backup.id, ...(typed === '' ? {} : { reason: typed }) });
          }}
        >
          <DialogHeader>
            <DialogTitle>{t('holdTitle')}</DialogTitle>
            <DialogDescription>{t('holdNote')}</DialogDescription>
          </DialogHeader>
          <div className="flex flex-col gap-1.5">
            <Label htmlFor={id}>{t('holdReason')}</Label>
            <Input
              id={id}
              value={reason}
              maxLength={REASON_LENGTH_MAX}
              onChange={({ target }) => setReason(target.value)}
            />
          </div>
          <DialogFooter>
            <DialogClose asChild>
              <Button variant="outline">{common('cancel')}</Button>
            </DialogClose>
            <Button type="submit" disabled={hold.isPending} aria-busy={hold.isPending}>
              <LockIcon aria-hidden="true" />
              {t('hold')}
            </Button>
          </DialogFooter>
        </form>
      </DialogContent>
    </Dialog>
  );
}
