'use client';

import type { BackupDocument } from '@cofre/contracts';
import { ShieldCheckIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { useEffect, useState } from 'react';
import { verifyModuleBackup } from '#app/actions/admin/modules/module-backups.ts';
import { useExactTime } from '#components/date-time.tsx';
import { Button } from '#components/ui/button.tsx';
import { useAction } from '#components/use-action.ts';
import { JobProgress } from './JobProgress.tsx';
import { Trouble } from './Trouble.tsx';
import { useJob } from './use-job.ts';

interface NewerBackupProps {
  /** From before that time, too, and not verified yet. */
  readonly newer: BackupDocument;
  readonly onUse: (backup: BackupDocument) => void;
}

/** Says that the proposed backup is not the newest one, and why; has the newer one verified and then used, if that is wanted. */
export function NewerBackup({ newer, onUse }: NewerBackupProps) {
  const t = useTranslations('restore.wrong');
  const exact = useExactTime();
  const [job, setJob] = useState<string | null>(null);
  const verify = useAction(verifyModuleBackup, { onSuccess: ({ id }) => setJob(id) });
  const isAsked = job !== null;
  return (
    <div className="flex flex-col gap-3 border-t pt-4 text-sm">
      <p className="max-w-prose">{t('newer', { when: exact(newer.createdAt) })}</p>
      {isAsked ? (
        <Verifying job={job} onVerified={(at) => onUse({ ...newer, verifiedAt: at })} onAgain={() => setJob(null)} />
      ) : (
        <div className="flex flex-wrap gap-2">
          <Button
            size="sm"
            variant="outline"
            disabled={verify.isPending}
            aria-busy={verify.isPending}
            onClick={() => verify.run({ backup: newer.id })}
          >
            <ShieldCheckIcon aria-hidden="true" />
            {t('verifyNewer')}
          </Button>
          <Button size="sm" variant="ghost" onClick={() => onUse(newer)}>
            {t('useNewer')}
          </Button>
        </div>
      )}
    </div>
  );
}

interface VerifyingProps {
  readonly job: string;
  readonly onVerified: (at: string) => void;
  readonly onAgain: () => void;
}

function Verifying({ job: id, onVerified, onAgain }: VerifyingProps) {
  const t = useTranslations('restore');
  const watched = useJob(id);
  const { job, refusal } = watched;
  // A backup that was found damaged was verified to the end: then there is an error beside it.
  const error = refusal ?? job?.error ?? null;
  const verifiedAt = error === null && job?.state === 'completed' ? job.endedAt : null;
  useEffect(() => {
    if (verifiedAt !== null) onVerified(verifiedAt);
  }, [verifiedAt, onVerified]);
  if (error !== null || job?.state === 'canceled') {
    return (
      <Trouble
        title={error === null ? t('run.canceled') : t('wrong.newerBad')}
        message={error?.message}
        hint={error?.hint}
        code={error?.code}
      >
        <Button size="sm" variant="outline" onClick={onAgain}>
          {t('run.again')}
        </Button>
      </Trouble>
    );
  }
  return <JobProgress watched={watched} label={t('wrong.verifying')} />;
}
