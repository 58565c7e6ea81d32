'use client';

import type { BackupTablesDocument } from '@cofre/contracts';
import { useQuery } from '@tanstack/react-query';
import { useTranslations } from 'next-intl';
import { useId, useState } from 'react';
import { listModuleBackupTables } from '#app/actions/admin/modules/module-restores.ts';
import { ErrorState } from '#components/error-state.tsx';
import { Badge } from '#components/ui/badge.tsx';
import { Button } from '#components/ui/button.tsx';
import { Checkbox } from '#components/ui/checkbox.tsx';
import { RadioGroup } from '#components/ui/radio-group.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { ActionFailure, dataOf } from '#lib/action-failure.ts';
import { ChoiceCard } from './ChoiceCard.tsx';
import type { RestoreWay } from './use-restore-way.ts';
import { StepFrame } from './StepFrame.tsx';
import { tableLabel } from './table-label.ts';
import type { StepProps } from './step-props.ts';

type Choice = Pick<RestoreWay['address'], 'configOnly' | 'tables'>;

type BackupTable = BackupTablesDocument['tables'][number];

/** The first step: everything, or only the configuration, or only some tables of it. */
export function WhatStep({ backup, way, heading }: StepProps) {
  const t = useTranslations('restore');
  // The address follows a moment later; who ticks quickly must not tick what was there before.
  const [{ configOnly, tables }, setChoice] = useState<Choice>(way.address);
  const choose = (next: Choice) => {
    setChoice(next);
    // Other choices need another plan.
    way.amend({ ...next, plan: null, job: null, open: null });
  };
  const [isNoneChosen, setNoneChosen] = useState(false);
  return (
    <StepFrame
      title={t('what.title')}
      lead={t('what.lead')}
      heading={heading}
      ways={
        <>
          <span />
          <Button size="lg" disabled={isNoneChosen} onClick={() => way.go({ step: 'how' })}>
            {t('continue')}
          </Button>
        </>
      }
    >
      <RadioGroup
        aria-labelledby="restore-step"
        value={configOnly ? 'config' : 'full'}
        onValueChange={(value) => {
          setNoneChosen(false);
          choose({ configOnly: value === 'config', tables: [] });
        }}
      >
        <ChoiceCard value="full" name={t('what.full')} hint={t('what.fullHint')} />
        <ChoiceCard value="config" name={t('what.config')} hint={t('what.configHint')} />
      </RadioGroup>
      <TableChoice
        backupId={backup.id}
        configOnly={configOnly}
        chosen={tables}
        isNoneChosen={isNoneChosen}
        onChoose={(next, isNone) => {
          setNoneChosen(isNone);
          choose({ configOnly, tables: next });
        }}
      />
      <section
        className="flex flex-wrap items-center gap-x-4 gap-y-2 text-sm text-muted-foreground"
        aria-label={t('what.notYet')}
      >
        {(['tenant', 'someRows', 'configKeys'] as const).map((name) => (
          <span key={name} className="flex items-center gap-2">
            {t(`what.${name}`)}
            <Badge variant="outline">{t('later')}</Badge>
          </span>
        ))}
      </section>
    </StepFrame>
  );
}

interface TableChoiceProps {
  readonly backupId: string;
  readonly configOnly: boolean;
  /** Empty: all. */
  readonly chosen: readonly string[];
  readonly isNoneChosen: boolean;
  readonly onChoose: (tables: readonly string[], isNone: boolean) => void;
}

function TableChoice({ backupId, configOnly, chosen, isNoneChosen, onChoose }: TableChoiceProps) {
  const t = useTranslations('restore.what');
  const query = useQuery({
    queryKey: ['backup-tables', backupId],
    queryFn: async () => dataOf(await listModuleBackupTables({ backup: backupId })),
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (query.isPending) return <Skeleton className="h-20 rounded-xl" />;
  if (query.isError) {
    const known = query.error instanceof ActionFailure ? query.error : null;
    return (
      <ErrorState
        message={known?.message ?? t('unreadable')}
        hint={known?.hint}
        code={known?.code}
        onRetry={() => void query.refetch()}
      />
    );
  }
  const offered = query.data.tables.filter(({ role }) => !configOnly || role === 'config');
  const isChosen = (table: string) => !isNoneChosen && (chosen.length === 0 || chosen.includes(table));
  const toggle = (table: string) => {
    const next = offered.map((it) => it.table).filter((it) => (it === table ? !isChosen(it) : isChosen(it)));
    onChoose(next.length === offered.length ? [] : next, next.length === 0);
  };
  const count = isNoneChosen ? 0 : chosen.length;
  return (
    <details
      className="rounded-xl border bg-card shadow-xs"
      open={chosen.length > 0 || isNoneChosen ? true : undefined}
    >
      <summary className="cursor-pointer rounded-xl p-4">
        <span className="font-medium">{t('tables')}</span>
        <span className="block text-sm text-muted-foreground" role="status">
          {isNoneChosen ? t('noneChosen') : t('tablesHint', { chosen: count, total: offered.length })}
        </span>
      </summary>
      <fieldset className="border-t px-4 pb-3">
        <legend className="sr-only">{t('choose')}</legend>
        <ul className="divide-y">
          {offered.map((table) => (
            <TableTick
              key={table.table}
              table={table}
              isChosen={isChosen(table.table)}
              onToggle={() => toggle(table.table)}
            />
          ))}
        </ul>
      </fieldset>
    </details>
  );
}

interface TableTickProps {
  readonly table: BackupTable;
  readonly isChosen: boolean;
  readonly onToggle: () => void;
}

function TableTick({ table: { table, role, rows }, isChosen, onToggle }: TableTickProps) {
  const t = useTranslations('restore.what');
  const id = useId();
  return (
    <li className="flex min-h-11 items-center gap-3 py-1.5">
      <Checkbox id={id} checked={isChosen} onCheckedChange={onToggle} />
      <label htmlFor={id} className="flex flex-1 cursor-pointer flex-wrap items-baseline justify-between gap-x-4">
        <span className="font-mono text-sm break-all">{tableLabel(table)}</span>
        <span className="text-sm text-muted-foreground">
          {t(`roles.${role}`)} · {t('rows', { count: rows })}
        </span>
      </label>
    </li>
  );
}
