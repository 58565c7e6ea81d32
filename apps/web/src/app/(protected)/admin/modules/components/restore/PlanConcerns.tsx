'use client';

import type { ConflictKind, PlanDocument } from '@cofre/contracts';
import { InfoIcon, OctagonXIcon, TriangleAlertIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { Alert, AlertDescription, AlertTitle } from '#components/ui/alert.tsx';
import { Button } from '#components/ui/button.tsx';
import { tableLabel } from './table-label.ts';

interface PlanConcernsProps {
  readonly plan: PlanDocument;
  /** Makes a new plan with these tables. */
  readonly onTables: (tables: readonly string[]) => void;
}

/** What stands in the way comes first, then what it touches besides, then what is good to know. */
export function PlanConcerns({ plan, onTables }: PlanConcernsProps) {
  return (
    <>
      {plan.applicable ? null : <Conflicts plan={plan} onTables={onTables} />}
      {plan.collateral.length === 0 ? null : <Collateral plan={plan} />}
      <Notes plan={plan} />
    </>
  );
}

interface Conflict {
  readonly table: string;
  readonly kind: ConflictKind;
  readonly count: number;
  readonly detail: string;
}

function Conflicts({ plan, onTables }: PlanConcernsProps) {
  const t = useTranslations('restore.concerns');
  const conflicts: Conflict[] = plan.tables.flatMap(({ table, conflicts: found }) =>
    found.map((conflict) => ({ table, ...conflict })),
  );
  const others = plan.tables.filter(({ conflicts: found }) => found.length === 0).map(({ table }) => table);
  const count = plan.tables.length - others.length;
  return (
    <Alert variant="danger">
      <OctagonXIcon aria-hidden="true" />
      <AlertTitle>{t('blocked')}</AlertTitle>
      <AlertDescription>
        <p>{t('blockedHint')}</p>
        <ul className="my-1 list-disc space-y-1 pl-5">
          {conflicts.map(({ table, kind, count: rows, detail }) => (
            <li key={`${table} ${kind} ${detail}`}>
              {t(`kinds.${kind}`, { table: tableLabel(table), count: rows })}
              <details className="mt-0.5">
                <summary className="cursor-pointer text-xs underline underline-offset-2">{t('detail')}</summary>
                <code lang="en" className="text-xs break-words">
                  {detail}
                </code>
              </details>
            </li>
          ))}
        </ul>
        {others.length === 0 ? (
          <p>{t('noOthers')}</p>
        ) : (
          <>
            <p>{t('leaveOutHint')}</p>
            <Button
              size="sm"
              variant="outline"
              className="mt-1 h-auto min-h-9 whitespace-normal"
              onClick={() => onTables(others)}
            >
              {t('leaveOut', { count })}
            </Button>
          </>
        )}
      </AlertDescription>
    </Alert>
  );
}

function Collateral({ plan: { collateral } }: { readonly plan: PlanDocument }) {
  const t = useTranslations('restore.concerns');
  return (
    <Alert variant="warning">
      <TriangleAlertIcon aria-hidden="true" />
      <AlertTitle>{t('collateral')}</AlertTitle>
      <AlertDescription>
        <ul className="list-disc pl-5">
          {collateral.map(({ table, action, rows }) => (
            <li key={`${table} ${action}`}>{t('collateralRow', { table: tableLabel(table), action, count: rows })}</li>
          ))}
        </ul>
      </AlertDescription>
    </Alert>
  );
}

const DRIFT_KINDS = ['dropped', 'type', 'new'] as const;
const KEYLESS = / has no key: /;

function Notes({ plan: { drift, triggers, warnings } }: { readonly plan: PlanDocument }) {
  const t = useTranslations('restore.concerns');
  const still = triggers.filter(({ fires }) => !fires).length;
  const notes = [
    ...drift.map(({ table, column, kind }) =>
      t(`driftKinds.${DRIFT_KINDS.find((it) => it === kind) ?? 'other'}`, { table: tableLabel(table), column }),
    ),
    // Rows that stay are counted beside their table; of the sentences of a plan this one alone says more.
    ...warnings
      .filter((warning) => KEYLESS.test(warning))
      .map((warning) => t('keyless', { table: tableLabel(warning.split(KEYLESS)[0] ?? '') })),
    ...triggers
      .filter(({ fires }) => fires)
      .map(({ table, trigger }) => t('triggersFire', { table: tableLabel(table), trigger })),
    ...(still === 0 ? [] : [t('triggersStill', { count: still })]),
  ];
  if (notes.length === 0) return null;
  return (
    <section className="flex gap-3 rounded-lg border border-info-border bg-info px-4 py-3 text-sm text-info-foreground">
      <InfoIcon className="mt-0.5 size-4 shrink-0" aria-hidden="true" />
      <div>
        <h3 className="font-medium">{t('notes')}</h3>
        <ul className="list-disc pl-5">
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      </div>
    </section>
  );
}
