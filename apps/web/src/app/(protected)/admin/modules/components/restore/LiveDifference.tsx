'use client';

import type { BackupDocument, PlanDocument } from '@cofre/contracts';
import { useTranslations } from 'next-intl';
import { useEffect, useState } from 'react';
import { Button } from '#components/ui/button.tsx';
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from '#components/ui/table.tsx';
import { ActionFailure } from '#lib/action-failure.ts';
import { Planning } from './Planning.tsx';
import { usePlan } from './PreviewStep.tsx';
import { totalsOf } from './plan-totals.ts';
import { tableLabel } from './table-label.ts';
import { Trouble } from './Trouble.tsx';

interface LiveDifferenceProps {
  readonly backup: BackupDocument;
  readonly onPlan: (plan: PlanDocument) => void;
}

/**
 * What is different now from a backup, table by table. It is counted by the plan of the restore that it leads to, so that the
 * preview has the same figures and nobody waits twice.
 */
export function LiveDifference({ backup, onPlan }: LiveDifferenceProps) {
  const t = useTranslations('restore.wrong');
  const [job, setJob] = useState<string | null>(null);
  const [plan, setPlan] = useState<string | null>(null);
  return (
    <div className="flex flex-col gap-3">
      <h3 id="difference" className="font-semibold">
        {t('difference')}
      </h3>
      {plan === null ? (
        <Planning input={{ backup: backup.id, mode: 'merge' }} job={job} onJob={setJob} onPlan={setPlan} />
      ) : (
        <Difference plan={plan} onPlan={onPlan} />
      )}
    </div>
  );
}

function Difference({ plan: id, onPlan }: { readonly plan: string; readonly onPlan: (plan: PlanDocument) => void }) {
  const t = useTranslations('restore');
  const { data: plan, error, refetch } = usePlan(id);
  useEffect(() => {
    if (plan !== undefined) onPlan(plan);
  }, [plan, onPlan]);
  if (error !== null) {
    const known = error instanceof ActionFailure ? error : null;
    return (
      <Trouble title={known?.message ?? t('run.unreachable')} hint={known?.hint} code={known?.code}>
        <Button size="sm" variant="outline" onClick={() => void refetch()}>
          {t('run.again')}
        </Button>
      </Trouble>
    );
  }
  if (plan === undefined) return null;
  const { inserts, updates, kept } = totalsOf(plan);
  const differing = plan.tables.filter((table) => table.inserts + table.updates + table.kept > 0);
  if (differing.length === 0) return <p className="max-w-prose">{t('wrong.same')}</p>;
  return (
    <>
      <p role="status">{t('wrong.differenceLead', { missing: inserts, changed: updates, added: kept })}</p>
      <div className="rounded-xl border bg-card">
        <Table aria-labelledby="difference">
          <TableHeader>
            <TableRow>
              <TableHead>{t('wrong.table')}</TableHead>
              {(['missing', 'changed', 'added'] as const).map((name) => (
                <TableHead key={name} className="text-right">
                  {t(`wrong.${name}`)}
                </TableHead>
              ))}
            </TableRow>
          </TableHeader>
          <TableBody>
            {differing.map((table) => (
              <TableRow key={table.table}>
                <TableCell className="font-mono break-all">{tableLabel(table.table)}</TableCell>
                {([table.inserts, table.updates, table.kept] as const).map((count, index) => (
                  // Three figures that never change their places.
                  <TableCell key={['missing', 'changed', 'added'][index]} className="text-right tabular-nums">
                    {count}
                  </TableCell>
                ))}
              </TableRow>
            ))}
          </TableBody>
        </Table>
      </div>
    </>
  );
}
