'use client';

import type { RecoveryStateDocument } from '@cofre/contracts';
import { DownloadIcon, KeyRoundIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { takeModuleRecoveryKit } from '#app/actions/recovery.ts';
import { Alert, AlertDescription, AlertTitle } from './ui/alert.tsx';
import { Button } from './ui/button.tsx';
import { useAction } from './use-action.ts';

const FILE_NAME = 'cofre-recovery-kit.txt';

/** On every page until somebody has taken the kit; then it says so until the page is left, and can save it once more. */
export function RecoveryBanner({ keyKind }: Pick<RecoveryStateDocument, 'keyKind'>) {
  const t = useTranslations('recovery');
  const common = useTranslations('common');
  const [kit, setKit] = useState<string | null>(null);
  const [isClosed, setClosed] = useState(false);
  const take = useAction(takeModuleRecoveryKit, {
    onSuccess: (text) => {
      save(text);
      setKit(text);
    },
  });
  if (isClosed) return null;
  return (
    <Alert variant={kit === null ? 'warning' : 'info'} role="note" className="mb-6">
      <KeyRoundIcon aria-hidden="true" />
      <AlertTitle>{t(kit === null ? 'title' : 'taken')}</AlertTitle>
      <AlertDescription>
        <p role="status">{t(kit !== null ? 'takenHint' : keyKind === 'passphrase' ? 'passphrase' : 'keyFile')}</p>
        <div className="mt-2 flex flex-wrap gap-2">
          <Button
            size="sm"
            variant={kit === null ? 'default' : 'outline'}
            disabled={take.isPending}
            aria-busy={take.isPending}
            onClick={() => (kit === null ? take.run({}) : save(kit))}
          >
            <DownloadIcon aria-hidden="true" />
            {t(kit === null ? 'take' : 'again')}
          </Button>
          {kit === null ? null : (
            <Button size="sm" variant="outline" onClick={() => setClosed(true)}>
              {common('close')}
            </Button>
          )}
        </div>
      </AlertDescription>
    </Alert>
  );
}

function save(text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: 'text/plain;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = FILE_NAME;
  link.click();
  URL.revokeObjectURL(address);
}
