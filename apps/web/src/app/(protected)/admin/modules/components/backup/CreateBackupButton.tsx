'use client';

import type { JobDocument } from '@cofre/contracts';
import { DatabaseBackupIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { Button } from '#components/ui/button.tsx';
import { useLoaded } from '#components/use-loaded.ts';
import type { BackedUp } from './ModuleBackupManager.tsx';

const fetchDialog = () => import('./CreateBackupDialog.tsx');

interface CreateBackupButtonProps {
  readonly implementation: BackedUp;
  readonly onStarted: (job: JobDocument) => void;
  /** There is none yet, so the first one reads everything. */
  readonly isFirst?: boolean;
}

/** *Back up now*. What it asks is fetched when somebody points at it. */
export function CreateBackupButton({ implementation, onStarted, isFirst = false }: CreateBackupButtonProps) {
  const t = useTranslations('backups');
  const [isOpen, setIsOpen] = useState(false);
  const { loaded, prepare, need } = useLoaded(fetchDialog);
  const open = () => {
    need();
    setIsOpen(true);
  };
  return (
    <>
      <Button aria-haspopup="dialog" aria-expanded={isOpen} onPointerEnter={prepare} onFocus={prepare} onClick={open}>
        <DatabaseBackupIcon aria-hidden="true" />
        {t(isFirst ? 'firstBackup' : 'backUpNow')}
      </Button>
      {loaded === null ? null : (
        <loaded.CreateBackupDialog
          implementation={implementation}
          isOpen={isOpen}
          onClose={() => setIsOpen(false)}
          onStarted={onStarted}
        />
      )}
    </>
  );
}
