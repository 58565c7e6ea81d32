'use client';

import type { PlanDocument, PlanTableDocument } from '@cofre/contracts';
import { ChevronDownIcon, CornerDownLeftIcon, Trash2Icon, Undo2Icon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { type ReactNode, useId } from 'react';
import { Badge } from '#components/ui/badge.tsx';
import { cn } from '#lib/cn.ts';
import { PlanRows } from './PlanRows.tsx';
import { isTouched } from './plan-totals.ts';
import { tableLabel } from './table-label.ts';

interface PlanTablesProps {
  readonly plan: PlanDocument;
  readonly open: string | null;
  readonly onOpen: (table: string | null) => void;
}

/** What would change, table by table; those that stay as they are fill one line. */
export function PlanTables({ plan, open, onOpen }: PlanTablesProps) {
  const t = useTranslations('restore.preview');
  const touched = plan.tables.filter(isTouched);
  const untouched = plan.tables.filter((table) => !isTouched(table));
  return (
    <section className="flex flex-col gap-3" aria-label={t('tables')}>
      {touched.map((table) => (
        <PlanTableCard
          key={table.table}
          planId={plan.id}
          table={table}
          isOpen={open === table.table}
          onToggle={() => onOpen(open === table.table ? null : table.table)}
        />
      ))}
      {untouched.length === 0 ? null : (
        <details className="px-1 text-sm text-muted-foreground">
          <summary className="min-h-9 cursor-pointer py-1.5">{t('untouched', { count: untouched.length })}</summary>
          <ul className="flex flex-wrap gap-x-4 gap-y-1 pt-1 font-mono">
            {untouched.map(({ table, unchanged, kept }) => (
              <li key={table}>
                {tableLabel(table)}{' '}
                <span className="font-sans">
                  ({t('counts.unchanged', { count: unchanged })}
                  {kept > 0 ? `, ${t('counts.kept', { count: kept })}` : null})
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

interface PlanTableCardProps {
  readonly planId: string;
  readonly table: PlanTableDocument;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
}

function PlanTableCard({ planId, table, isOpen, onToggle }: PlanTableCardProps) {
  const t = useTranslations('restore.preview');
  const id = useId();
  const { inserts, updates, deletes, unchanged, kept } = table;
  return (
    <div className="rounded-xl border bg-card text-card-foreground shadow-xs">
      <h3>
        <button
          type="button"
          aria-expanded={isOpen}
          aria-controls={id}
          onClick={onToggle}
          className="flex w-full cursor-pointer flex-wrap items-center gap-x-4 gap-y-2 rounded-xl p-4 text-left hover:bg-accent/40"
        >
          <span className="font-mono text-sm font-semibold break-all">{tableLabel(table.table)}</span>
          <span className="flex flex-1 flex-wrap items-center gap-2">
            <Count
              count={inserts}
              variant="success"
              icon={<CornerDownLeftIcon aria-hidden="true" />}
              words={t('counts.inserts', { count: inserts })}
            />
            <Count
              count={updates}
              variant="warning"
              icon={<Undo2Icon aria-hidden="true" />}
              words={t('counts.updates', { count: updates })}
            />
            <Count
              count={deletes}
              variant="danger"
              icon={<Trash2Icon aria-hidden="true" />}
              words={t('counts.deletes', { count: deletes })}
            />
            <span className="text-xs text-muted-foreground">
              {[
                unchanged > 0 ? t('counts.unchanged', { count: unchanged }) : null,
                kept > 0 ? t('counts.kept', { count: kept }) : null,
              ]
                .filter(Boolean)
                .join(' · ')}
            </span>
          </span>
          <span className="flex items-center gap-1 text-sm font-medium text-primary">
            {isOpen ? t('hideRows') : t('showRows')}
            <ChevronDownIcon className={cn('size-4 transition-transform', isOpen && 'rotate-180')} aria-hidden="true" />
          </span>
        </button>
      </h3>
      <div id={id}>{isOpen ? <PlanRows planId={planId} table={table} /> : null}</div>
    </div>
  );
}

interface CountProps {
  readonly count: number;
  readonly variant: 'success' | 'warning' | 'danger';
  readonly icon: ReactNode;
  readonly words: string;
}

function Count({ count, variant, icon, words }: CountProps) {
  if (count === 0) return null;
  return (
    <Badge variant={variant}>
      {icon}
      {words}
    </Badge>
  );
}
