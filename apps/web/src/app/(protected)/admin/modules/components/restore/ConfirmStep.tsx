'use client';

import type { PlanDocument } from '@cofre/contracts';
import { ArchiveRestoreIcon, CheckIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { useId, useState } from 'react';
import { restoreModuleBackup } from '#app/actions/admin/modules/module-backups.ts';
import { Button } from '#components/ui/button.tsx';
import { Card, CardContent } from '#components/ui/card.tsx';
import { Input } from '#components/ui/input.tsx';
import { Label } from '#components/ui/label.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { useAction } from '#components/use-action.ts';
import { useMoment } from '#components/use-moment.ts';
import { ActionFailure } from '#lib/action-failure.ts';
import { usePlan } from './PreviewStep.tsx';
import { isTouched, totalsOf } from './plan-totals.ts';
import { StepFrame } from './StepFrame.tsx';
import type { StepProps } from './step-props.ts';
import { Trouble } from './Trouble.tsx';

interface ConfirmStepProps extends StepProps {
  /** So long a restore can be undone. */
  readonly safetyDays: number;
}

/** The fourth step: what will be written in one sentence, and the button that does it. */
export function ConfirmStep(props: ConfirmStepProps) {
  const { way, heading } = props;
  const t = useTranslations('restore');
  const query = usePlan(way.address.plan ?? '');
  if (query.data !== undefined) return <KnownConfirm {...props} plan={query.data} />;
  const known = query.error instanceof ActionFailure ? query.error : null;
  return (
    <StepFrame title={t('confirm.title')} heading={heading}>
      {query.isPending ? (
        <Skeleton className="h-56 rounded-xl" />
      ) : (
        <Trouble title={known?.message ?? t('run.unreachable')} hint={known?.hint} code={known?.code}>
          <Button size="sm" variant="outline" onClick={() => void query.refetch()}>
            {t('run.reload')}
          </Button>
          <Button size="sm" onClick={() => way.go({ step: 'preview', plan: null, job: null })}>
            {t('preview.new')}
          </Button>
        </Trouble>
      )}
    </StepFrame>
  );
}

function KnownConfirm({ plan, name, way, heading, safetyDays }: ConfirmStepProps & { readonly plan: PlanDocument }) {
  const t = useTranslations('restore');
  const now = useMoment();
  const isExpired = now.getTime() > Date.parse(plan.expiresAt);
  const totals = totalsOf(plan);
  const [typed, setTyped] = useState('');
  const restore = useAction(restoreModuleBackup, {
    // The way back from here leads to the preview: what was confirmed is not confirmed again by the back button.
    onSuccess: ({ id }) => way.amend({ step: 'run', job: id }),
  });
  const isTyped = totals.deletes === 0 || typed.trim() === name;
  const isReady = isTyped && !isExpired && plan.applicable && isTouched(totals);
  return (
    <StepFrame
      title={t('confirm.title')}
      heading={heading}
      ways={
        <>
          <Button size="lg" variant="outline" onClick={() => way.go({ step: 'preview' })}>
            {t('back')}
          </Button>
          <Button
            size="lg"
            variant={totals.deletes > 0 ? 'destructive' : 'default'}
            disabled={!isReady || restore.isPending}
            aria-busy={restore.isPending}
            onClick={() => restore.run({ plan: plan.id })}
          >
            <ArchiveRestoreIcon aria-hidden="true" />
            {restore.isPending ? t('confirm.busy') : t('confirm.go')}
          </Button>
        </>
      }
    >
      {isExpired ? (
        <Trouble title={t('preview.expired')} hint={t('preview.expiredHint')} isMild>
          <Button size="sm" onClick={() => way.go({ step: 'preview', plan: null, job: null })}>
            {t('preview.new')}
          </Button>
        </Trouble>
      ) : null}
      <Card>
        <CardContent className="flex flex-col gap-5">
          <p className="text-lg font-medium text-balance">{t('confirm.sentence', { name, ...totals })}</p>
          <ul className="flex flex-col gap-2 text-muted-foreground">
            {[t('confirm.first'), t('confirm.then'), t('confirm.undo', { days: safetyDays })].map((promise) => (
              <li key={promise} className="flex gap-2">
                <CheckIcon className="mt-1 size-4 shrink-0 text-primary" aria-hidden="true" />
                <span className="max-w-prose">{promise}</span>
              </li>
            ))}
          </ul>
          {totals.deletes > 0 ? <TypedName name={name} typed={typed} onType={setTyped} /> : null}
        </CardContent>
      </Card>
    </StepFrame>
  );
}

interface TypedNameProps {
  readonly name: string;
  readonly typed: string;
  readonly onType: (typed: string) => void;
}

/** Deleting takes more than a click. */
function TypedName({ name, typed, onType }: TypedNameProps) {
  const t = useTranslations('restore.confirm');
  const id = useId();
  return (
    <div className="flex max-w-md flex-col gap-2">
      <p id={`${id}-hint`}>{t('type', { name })}</p>
      <Label htmlFor={id}>{t('typed')}</Label>
      <Input
        id={id}
        value={typed}
        autoComplete="off"
        aria-describedby={`${id}-hint`}
        onChange={({ target }) => onType(target.value)}
      />
    </div>
  );
}
