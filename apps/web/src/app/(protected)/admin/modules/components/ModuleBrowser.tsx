'use client';

import type { ImplementationDocument, JobDocument, ModuleDocument } from '@cofre/contracts';
import { SearchIcon } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { EmptyState } from '#components/empty-state.tsx';
import { Button } from '#components/ui/button.tsx';
import { Input } from '#components/ui/input.tsx';
import { NativeSelect, NativeSelectOption } from '#components/ui/native-select.tsx';
import { matches } from '#lib/matches.ts';
import { PROTECTION_STATES, protectionOf } from '#lib/protection.ts';
import { useUrlState } from '#lib/use-url-state.ts';
import { BackUpTogether } from './BackUpTogether.tsx';
import { isOpen, useJobs } from './jobs/use-jobs.ts';
import { ModuleCard } from './ModuleCard.tsx';

interface ModuleBrowserProps {
  readonly modules: readonly ModuleDocument[];
  readonly implementations: readonly ImplementationDocument[];
  readonly isAdministrator: boolean;
}

/** Modules with their implementations: searched, filtered by how well they are protected, several backed up together. */
export function ModuleBrowser({ modules, implementations, isAdministrator }: ModuleBrowserProps) {
  const t = useTranslations('modules');
  const router = useRouter();
  const { params, set } = useUrlState();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const { jobs, follow } = useJobs(undefined, { onEnded: () => router.refresh() });
  const typed = params.get('q') ?? '';
  const state = PROTECTION_STATES.find((it) => it === params.get('state'));
  const shown = shownModules({ modules, implementations }, { typed, state });
  const visible = new Set<string>(shown.flatMap((it) => it.implementations.map(({ id }) => id)));
  const chosen = [...selected].filter((id) => visible.has(id));
  const unselect = () => {
    // The bar goes, and with it what had the focus.
    document.getElementById(`select-${chosen[0] ?? ''}`)?.focus();
    setSelected(new Set());
  };
  return (
    <div className="flex flex-col gap-4">
      <Filters typed={typed} state={state ?? ''} onChange={set} />
      <p className="sr-only" role="status">
        {t('found', { count: visible.size })}
      </p>
      {shown.length === 0 ? (
        <EmptyState title={t('nothingFound')} description={t('nothingFoundHint')}>
          <Button variant="outline" onClick={() => set({ q: null, state: null })}>
            {t('clearFilters')}
          </Button>
        </EmptyState>
      ) : (
        <div className="grid items-start gap-4 lg:grid-cols-2">
          {shown.map((it) => (
            <ModuleCard
              key={it.module.slug}
              module={it.module}
              implementations={it.implementations}
              jobs={openByImplementation(jobs)}
              selection={isAdministrator ? { selected, onChange: setSelected } : null}
            />
          ))}
        </div>
      )}
      {isAdministrator ? (
        <BackUpTogether
          implementations={implementations.filter(({ id }) => chosen.includes(id))}
          onDone={(started) => {
            unselect();
            follow(...started);
          }}
          onClear={unselect}
        />
      ) : null}
    </div>
  );
}

function openByImplementation(jobs: readonly JobDocument[]): ReadonlyMap<string, JobDocument> {
  return new Map(
    jobs.filter(isOpen).flatMap((job) => (job.implementation === null ? [] : [[job.implementation.id, job]])),
  );
}

type All = Pick<ModuleBrowserProps, 'modules' | 'implementations'>;

interface Wanted {
  readonly typed: string;
  readonly state: string | undefined;
}

/** A module whose own name was typed is shown with all that it has. */
function shownModules({ modules, implementations }: All, { typed, state }: Wanted) {
  return modules.flatMap((module) => {
    const own = implementations.filter((it) => it.module === module.slug);
    const found = own.filter(
      (it) =>
        (state === undefined || protectionOf(it) === state) &&
        matches(typed, [module.name, module.slug, it.name, it.key]),
    );
    const isWhole = state === undefined && matches(typed, [module.name, module.slug]);
    return found.length > 0 || isWhole ? [{ module, implementations: found }] : [];
  });
}

interface FiltersProps {
  readonly typed: string;
  /** Empty: all. */
  readonly state: string;
  readonly onChange: (changes: Readonly<Record<string, string | null>>) => void;
}

function Filters({ typed, state, onChange }: FiltersProps) {
  const t = useTranslations('modules');
  const states = useTranslations('protection');
  return (
    <search className="flex flex-col gap-3 sm:flex-row">
      <div className="relative flex-1">
        <SearchIcon
          className="pointer-events-none absolute top-1/2 left-3 size-4 -translate-y-1/2 text-muted-foreground"
          aria-hidden="true"
        />
        <Input
          type="search"
          className="pl-9"
          aria-label={t('search')}
          placeholder={t('searchPlaceholder')}
          value={typed}
          onChange={({ target }) => onChange({ q: target.value })}
        />
      </div>
      <NativeSelect
        className="sm:w-56"
        aria-label={t('filterState')}
        value={state}
        onChange={({ target }) => onChange({ state: target.value })}
      >
        <NativeSelectOption value="">{t('allStates')}</NativeSelectOption>
        {PROTECTION_STATES.map((it) => (
          <NativeSelectOption key={it} value={it}>
            {states(it)}
          </NativeSelectOption>
        ))}
      </NativeSelect>
    </search>
  );
}
