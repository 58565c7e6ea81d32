'use client';

import type { BackupDocument, ImplementationRef, PlanDocument } from '@cofre/contracts';
import { useQuery } from '@tanstack/react-query';
import { ArrowRightIcon, ShieldCheckIcon, ShieldQuestionIcon } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useTranslations } from 'next-intl';
import { type ReactNode, type RefCallback, useState } from 'react';
import { keepModuleBackup, proposeModuleBackup } from '#app/actions/admin/modules/module-restores.ts';
import { RelativeTime, useExactTime } from '#components/date-time.tsx';
import { Badge } from '#components/ui/badge.tsx';
import { Button } from '#components/ui/button.tsx';
import { Card, CardContent } from '#components/ui/card.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { useAction } from '#components/use-action.ts';
import { ActionFailure, dataOf } from '#lib/action-failure.ts';
import { useDescription } from '../backup/use-description.ts';
import { LiveDifference } from './LiveDifference.tsx';
import { NewerBackup } from './NewerBackup.tsx';
import { printRestoreAddress, restorePath } from './restore-address.ts';
import { Trouble } from './Trouble.tsx';

interface ProposedBackupProps {
  readonly implementation: ImplementationRef;
  readonly at: string;
  readonly heading: RefCallback<HTMLHeadingElement>;
  /** null: asks again. */
  readonly onTime: (at: string | null) => void;
}

/** The backup to go back to from what happened at a time, or what can be done where there is none. */
export function ProposedBackup(props: ProposedBackupProps) {
  const { implementation, at, heading, onTime } = props;
  const t = useTranslations('restore');
  const query = useQuery({
    queryKey: ['proposed-backup', implementation.id, at],
    queryFn: async () => dataOf(await proposeModuleBackup({ implementation: implementation.id, before: at })),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const [chosen, setChosen] = useState<BackupDocument | null>(null);
  const otherTime = (
    <Button size="sm" variant="outline" onClick={() => onTime(null)}>
      {t('wrong.other')}
    </Button>
  );
  const title = (words: string) => (
    <h2 ref={heading} tabIndex={-1} className="text-xl font-semibold tracking-tight outline-none">
      {words}
    </h2>
  );
  if (query.isPending) {
    return (
      <section className="flex flex-col gap-4" role="status">
        {title(t('wrong.looking'))}
        <Skeleton className="h-40 rounded-xl" />
      </section>
    );
  }
  if (query.isError) {
    const known = query.error instanceof ActionFailure ? query.error : null;
    return (
      <Trouble title={known?.message ?? t('run.unreachable')} hint={known?.hint} code={known?.code}>
        <Button size="sm" onClick={() => void query.refetch()}>
          {t('run.again')}
        </Button>
        {otherTime}
      </Trouble>
    );
  }
  const { backup: proposed, newer, oldest } = query.data;
  const backup = chosen ?? proposed;
  if (backup === null) {
    return (
      <section className="flex flex-col gap-4">
        {title(t(oldest === null ? 'wrong.noneAtAll' : 'wrong.none'))}
        <NoBackup oldest={oldest} onOldest={setChosen}>
          {otherTime}
        </NoBackup>
      </section>
    );
  }
  return (
    <section className="flex flex-col gap-4">
      {title(t('wrong.proposal'))}
      <Proposal
        key={backup.id}
        {...props}
        backup={backup}
        newer={newer !== null && newer.id !== backup.id ? newer : null}
        onNewer={setChosen}
      />
    </section>
  );
}

interface NoBackupProps {
  /** null: there is none at all. */
  readonly oldest: BackupDocument | null;
  readonly onOldest: (backup: BackupDocument) => void;
  readonly children: ReactNode;
}

function NoBackup({ oldest, onOldest, children }: NoBackupProps) {
  const t = useTranslations('restore.wrong');
  const exact = useExactTime();
  return (
    <>
      <p className="max-w-prose text-muted-foreground">
        {oldest === null ? t('noneAtAllHint') : `${t('oldest', { when: exact(oldest.createdAt) })} ${t('noneHint')}`}
      </p>
      <div className="flex flex-wrap gap-2">
        {oldest === null ? null : (
          <Button size="sm" onClick={() => onOldest(oldest)}>
            {t('useOldest')}
          </Button>
        )}
        {children}
      </div>
    </>
  );
}

interface ProposalProps extends ProposedBackupProps {
  readonly backup: BackupDocument;
  readonly newer: BackupDocument | null;
  readonly onNewer: (backup: BackupDocument) => void;
}

function Proposal({ backup, newer, onNewer, onTime }: ProposalProps) {
  const t = useTranslations('restore.wrong');
  const router = useRouter();
  const [plan, setPlan] = useState<PlanDocument | null>(null);
  const keep = useAction(keepModuleBackup, {
    onSuccess: () => {
      const address = {
        step: 'preview',
        configOnly: false,
        tables: [],
        job: null,
        plan: plan?.id ?? null,
        open: null,
      } as const;
      router.push(`${restorePath(backup.implementation, backup.id)}${printRestoreAddress(address)}`);
    },
  });
  return (
    <>
      <Card>
        <CardContent className="flex flex-col gap-4">
          <BackupFacts backup={backup} />
          {newer === null ? null : <NewerBackup newer={newer} onUse={onNewer} />}
        </CardContent>
      </Card>
      <LiveDifference backup={backup} onPlan={setPlan} />
      <div className="flex flex-col-reverse gap-2 border-t pt-5 sm:flex-row sm:justify-between">
        <span className="flex flex-wrap gap-2">
          <Button size="lg" variant="outline" onClick={() => onTime(null)}>
            {t('other')}
          </Button>
          <Button size="lg" variant="outline" onClick={() => onTime(backup.createdAt)}>
            {t('earlier')}
          </Button>
        </span>
        <Button
          size="lg"
          disabled={plan === null || keep.isPending}
          aria-busy={keep.isPending}
          aria-describedby="hold"
          onClick={() => keep.run({ backup: backup.id, reason: t('holdReason') })}
        >
          {t('open')}
          <ArrowRightIcon aria-hidden="true" />
        </Button>
      </div>
      <p id="hold" className="text-sm text-muted-foreground sm:text-right">
        {t('hold')}
      </p>
    </>
  );
}

function BackupFacts({ backup }: { readonly backup: BackupDocument }) {
  const t = useTranslations('restore.wrong');
  const types = useTranslations('backups.types');
  const exact = useExactTime();
  const description = useDescription(backup);
  const isVerified = backup.verifiedAt !== null;
  const age: ReactNode = t.rich('age', { when: () => <RelativeTime at={backup.createdAt} /> });
  return (
    <div className="flex flex-col gap-2">
      <p className="text-lg font-medium">{age}</p>
      <p className="flex flex-wrap items-center gap-x-3 gap-y-1 text-muted-foreground">
        <span>{exact(backup.createdAt)}</span>
        <span>{t('rows', { count: backup.stats.rows })}</span>
        <Badge variant="secondary">{types(backup.type)}</Badge>
        <Badge variant={isVerified ? 'success' : 'outline'}>
          {isVerified ? <ShieldCheckIcon aria-hidden="true" /> : <ShieldQuestionIcon aria-hidden="true" />}
          {t(isVerified ? 'verified' : 'notVerified')}
        </Badge>
      </p>
      {description === null ? null : <p className="break-words">{description}</p>}
    </div>
  );
}
