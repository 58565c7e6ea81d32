'use client';

import type { PlanDocument, PlanRestoreInput } from '@cofre/contracts';
import { useQuery } from '@tanstack/react-query';
import Link from 'next/link';
import { useTranslations } from 'next-intl';
import { showModulePlan } from '#app/actions/admin/modules/module-restores.ts';
import { Button } from '#components/ui/button.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { useMoment } from '#components/use-moment.ts';
import { ActionFailure, dataOf } from '#lib/action-failure.ts';
import { PlanConcerns } from './PlanConcerns.tsx';
import { PlanFacts } from './PlanFacts.tsx';
import { Planning } from './Planning.tsx';
import { PlanTables } from './PlanTables.tsx';
import { isTouched, totalsOf } from './plan-totals.ts';
import { somethingWentWrongPath } from './restore-address.ts';
import type { RestoreWay } from './use-restore-way.ts';
import { StepFrame } from './StepFrame.tsx';
import type { StepProps } from './step-props.ts';
import { Trouble } from './Trouble.tsx';

/** The third step: computes the plan where there is none yet, and shows it. */
export function PreviewStep(props: StepProps) {
  const { backup, way, heading } = props;
  const t = useTranslations('restore');
  const { address } = way;
  if (address.plan !== null) return <KnownPlan {...props} planId={address.plan} />;
  return (
    <StepFrame title={t('preview.working')} heading={heading} ways={<BackWay way={way} />}>
      <Planning
        input={planInput(backup.id, way)}
        job={address.job}
        onJob={(job) => way.amend({ job })}
        onPlan={(plan) => way.amend({ plan, job: null })}
      />
    </StepFrame>
  );
}

function planInput(backup: string, { address }: RestoreWay): PlanRestoreInput {
  const { configOnly, tables } = address;
  return { backup, mode: 'merge', configOnly, ...(tables.length === 0 ? {} : { tables: [...tables] }) };
}

function BackWay({ way }: { readonly way: RestoreWay }) {
  const t = useTranslations('restore');
  return (
    <Button size="lg" variant="outline" onClick={() => way.go({ step: 'how', open: null })}>
      {t('back')}
    </Button>
  );
}

/** A plan does not change once it is made. */
export function usePlan(planId: string) {
  return useQuery({
    queryKey: ['plan', planId],
    queryFn: async () => dataOf(await showModulePlan({ plan: planId })),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

function KnownPlan({ planId, ...props }: StepProps & { readonly planId: string }) {
  const { way, heading } = props;
  const t = useTranslations('restore');
  const query = usePlan(planId);
  const renew = () => way.amend({ plan: null, job: null });
  if (query.isPending) {
    return (
      <StepFrame title={t('preview.title')} heading={heading} ways={<BackWay way={way} />}>
        <Skeleton className="h-16 rounded-xl" />
        <Skeleton className="h-72 rounded-xl" />
      </StepFrame>
    );
  }
  if (query.isError) {
    const known = query.error instanceof ActionFailure ? query.error : null;
    return (
      <StepFrame title={t('preview.title')} heading={heading} ways={<BackWay way={way} />}>
        <Trouble
          title={known?.code === 'plan/not-found' ? t('preview.gone') : (known?.message ?? t('run.unreachable'))}
          hint={known?.hint}
          code={known?.code}
        >
          <Button size="sm" variant="outline" onClick={() => void query.refetch()}>
            {t('run.reload')}
          </Button>
          <Button size="sm" onClick={renew}>
            {t('preview.new')}
          </Button>
        </Trouble>
      </StepFrame>
    );
  }
  return <Plan {...props} plan={query.data} onRenew={renew} />;
}

interface PlanProps extends StepProps {
  readonly plan: PlanDocument;
  readonly onRenew: () => void;
}

function Plan({ plan, onRenew, backup, name, way, heading }: PlanProps) {
  const t = useTranslations('restore');
  const now = useMoment();
  const isExpired = now.getTime() > Date.parse(plan.expiresAt);
  const totals = totalsOf(plan);
  const isAny = isTouched(totals);
  const mayGoOn = plan.applicable && isAny && !isExpired;
  return (
    <StepFrame
      title={t('preview.title')}
      heading={heading}
      ways={
        <>
          <BackWay way={way} />
          {mayGoOn ? (
            <Button size="lg" onClick={() => way.go({ step: 'confirm', open: null })}>
              {t('continue')}
            </Button>
          ) : (
            <Button size="lg" variant="outline" onClick={onRenew}>
              {t('preview.new')}
            </Button>
          )}
        </>
      }
    >
      {isExpired ? (
        <Trouble title={t('preview.expired')} hint={t('preview.expiredHint')} isMild>
          <Button size="sm" onClick={onRenew}>
            {t('preview.new')}
          </Button>
        </Trouble>
      ) : null}
      {isAny ? (
        <div className="flex flex-col gap-1">
          <p className="text-lg font-medium text-balance">{t('preview.lead', { count: totals.updates })}</p>
          <p className="max-w-prose text-muted-foreground">
            {[
              totals.inserts > 0 ? t('preview.comesBack', { count: totals.inserts }) : null,
              totals.deletes > 0 ? t('preview.goes', { count: totals.deletes }) : null,
              totals.kept > 0 ? t('preview.stays', { count: totals.kept }) : null,
            ]
              .filter(Boolean)
              .join(' ')}
          </p>
        </div>
      ) : plan.applicable ? (
        <Trouble title={t('preview.nothing')} hint={t('preview.nothingHint')} isMild>
          <Button asChild size="sm" variant="outline">
            <Link href={`${somethingWentWrongPath(backup.implementation)}?at=${encodeURIComponent(backup.createdAt)}`}>
              {t('preview.earlier')}
            </Link>
          </Button>
        </Trouble>
      ) : null}
      <PlanConcerns plan={plan} onTables={(tables) => way.go({ tables, plan: null, job: null, open: null })} />
      <PlanTables plan={plan} open={way.address.open} onOpen={(open) => way.amend({ open })} />
      <PlanFacts plan={plan} backup={backup} name={name} />
    </StepFrame>
  );
}
