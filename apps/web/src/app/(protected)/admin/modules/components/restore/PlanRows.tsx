'use client';

import type { PlanOperationKind, PlanTableDocument } from '@cofre/contracts';
import { SearchIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { useEffect, useEffectEvent, useId, useState } from 'react';
import { Button } from '#components/ui/button.tsx';
import { Input } from '#components/ui/input.tsx';
import { useLoaded } from '#components/use-loaded.ts';
import { FoundRows } from './FoundRows.tsx';
import { ListedRows } from './ListedRows.tsx';
import type { PlanRow, RowsOf } from './plan-rows.ts';

const fetchDialog = () => import('./PlanRowDialog.tsx');

interface PlanRowsProps {
  readonly planId: string;
  readonly table: PlanTableDocument;
}

const TYPED_MS = 350;

/** The rows of one table of a plan: by kind, by a word, and each one whole. They are read as they come into sight. */
export function PlanRows({ planId, table }: PlanRowsProps) {
  const t = useTranslations('restore.rows');
  const [kind, setKind] = useState<PlanOperationKind | null>(null);
  const [typed, setTyped] = useState('');
  const text = useSettled(typed.trim());
  const [shown, setShown] = useState<PlanRow | null>(null);
  const { loaded, prepare, need } = useLoaded(fetchDialog);
  const needed = useEffectEvent(need);
  useEffect(() => {
    if (shown !== null) needed();
  }, [shown]);
  const search = useId();
  const counts = { insert: table.inserts, update: table.updates, delete: table.deletes };
  const kinds = (['update', 'insert', 'delete'] as const).filter((it) => counts[it] > 0);
  const all = table.inserts + table.updates + table.deletes;
  const rowsOf: RowsOf = { planId, table: table.table, kind, total: kind === null ? all : counts[kind] };
  return (
    <div className="flex flex-col gap-3 border-t p-4" onPointerEnter={prepare} onFocus={prepare}>
      <div className="flex flex-wrap items-center gap-3">
        {kinds.length < 2 ? null : (
          <fieldset className="flex flex-wrap gap-1">
            <legend className="sr-only">{t('filter')}</legend>
            {([null, ...kinds] as const).map((it) => (
              <Button
                key={it ?? 'all'}
                size="sm"
                variant={it === kind ? 'secondary' : 'ghost'}
                aria-pressed={it === kind}
                onClick={() => setKind(it)}
              >
                {t(`kinds.${it ?? 'all'}`, { count: it === null ? all : counts[it] })}
              </Button>
            ))}
          </fieldset>
        )}
        <div className="relative min-w-48 flex-1 sm:max-w-xs">
          <label htmlFor={search} className="sr-only">
            {t('search')}
          </label>
          <SearchIcon
            className="pointer-events-none absolute top-3 left-3 size-4 text-muted-foreground"
            aria-hidden="true"
          />
          <Input
            id={search}
            type="search"
            className="pl-9"
            placeholder={t('search')}
            value={typed}
            maxLength={200}
            onChange={({ target }) => setTyped(target.value)}
          />
        </div>
      </div>
      {text === '' ? (
        <ListedRows key={kind ?? 'all'} {...rowsOf} onOpen={setShown} />
      ) : (
        <FoundRows key={`${kind ?? 'all'} ${text}`} {...rowsOf} text={text} onOpen={setShown} />
      )}
      {loaded === null ? null : <loaded.PlanRowDialog rowsOf={rowsOf} row={shown} onClose={() => setShown(null)} />}
    </div>
  );
}

/** The value once it has been left alone for a moment. */
function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), TYPED_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
