'use client';

import type { BackupStatus, BackupType, ListBackupsInput } from '@cofre/contracts';
import { XIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { useId } from 'react';
import { Button } from '#components/ui/button.tsx';
import { Input } from '#components/ui/input.tsx';
import { Label } from '#components/ui/label.tsx';
import { NativeSelect, NativeSelectOption } from '#components/ui/native-select.tsx';

/** The first is how they come when nobody asks. */
const ORDERS = ['newest', 'oldest', 'largest'] as const satisfies readonly ListBackupsInput['sort'][];
export type BackupOrder = (typeof ORDERS)[number];

export interface Filters {
  readonly type: BackupType | undefined;
  readonly status: BackupStatus | undefined;
  /** Days as `2025-01-31`, both included. */
  readonly from: string | undefined;
  readonly to: string | undefined;
}

const TYPES = ['full', 'incremental', 'differential', 'config_only'] as const satisfies readonly BackupType[];
const STATUSES = ['completed', 'running', 'failed', 'canceled'] as const satisfies readonly BackupStatus[];

/** What the address asks for; what it cannot mean is left out. */
export function readFilters(params: Pick<URLSearchParams, 'get'>): Filters {
  return {
    type: TYPES.find((it) => it === params.get('type')),
    status: STATUSES.find((it) => it === params.get('status')),
    from: dayOf(params.get('from')),
    to: dayOf(params.get('to')),
  };
}

/** Which of them come first. What the address cannot mean is as if it were not there. */
export function readOrder(params: Pick<URLSearchParams, 'get'>): BackupOrder {
  return ORDERS.find((it) => it === params.get('sort')) ?? 'newest';
}

function dayOf(text: string | null): string | undefined {
  return text !== null && /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)) ? text : undefined;
}

interface BackupFiltersProps {
  readonly filters: Filters;
  readonly order: BackupOrder;
  readonly onChange: (changes: Readonly<Record<string, string | null>>) => void;
}

export function BackupFilters({ filters, order, onChange }: BackupFiltersProps) {
  const t = useTranslations('backups');
  const { type, status, from, to } = filters;
  const isAny = [type, status, from, to].some((value) => value !== undefined);
  return (
    <search
      aria-label={t('filters')}
      className="grid grid-cols-2 items-end gap-3 lg:grid-cols-[1fr_1fr_auto_auto_1fr_auto]"
    >
      <Choice
        name={t('filterType')}
        value={type}
        all={t('allTypes')}
        options={TYPES.map((it) => [it, t(`types.${it}`)])}
        onChange={(value) => onChange({ type: value })}
      />
      <Choice
        name={t('filterStatus')}
        value={status}
        all={t('allStatuses')}
        options={STATUSES.map((it) => [it, t(`statuses.${it}`)])}
        onChange={(value) => onChange({ status: value })}
      />
      <Day name={t('filterFrom')} field="from" value={from} onChange={onChange} />
      <Day name={t('filterTo')} field="to" value={to} onChange={onChange} />
      <Choice
        name={t('order')}
        value={order}
        options={ORDERS.map((it) => [it, t(`orders.${it}`)])}
        onChange={(value) => onChange({ sort: value === 'newest' ? null : value })}
      />
      <Button
        variant="ghost"
        disabled={!isAny}
        onClick={() => onChange({ type: null, status: null, from: null, to: null })}
      >
        <XIcon aria-hidden="true" />
        {t('clearFilters')}
      </Button>
    </search>
  );
}

interface ChoiceProps {
  readonly name: string;
  readonly value: string | undefined;
  /** The words for no choice, where there need not be one. */
  readonly all?: string;
  readonly options: readonly (readonly [value: string, words: string])[];
  /** Empty: no choice. */
  readonly onChange: (value: string) => void;
}

function Choice({ name, value, all, options, onChange }: ChoiceProps) {
  const id = useId();
  return (
    <div className="flex min-w-0 flex-col gap-1.5">
      <Label htmlFor={id} className="leading-5">
        {name}
      </Label>
      <NativeSelect id={id} value={value ?? ''} onChange={({ target }) => onChange(target.value)}>
        {all === undefined ? null : <NativeSelectOption value="">{all}</NativeSelectOption>}
        {options.map(([it, words]) => (
          <NativeSelectOption key={it} value={it}>
            {words}
          </NativeSelectOption>
        ))}
      </NativeSelect>
    </div>
  );
}

interface DayProps {
  readonly name: string;
  readonly field: 'from' | 'to';
  readonly value: string | undefined;
  readonly onChange: BackupFiltersProps['onChange'];
}

function Day({ name, field, value, onChange }: DayProps) {
  return (
    <div className="flex min-w-0 flex-col gap-1.5">
      <Label htmlFor={`backups-${field}`} className="leading-5">
        {name}
      </Label>
      <Input
        id={`backups-${field}`}
        type="date"
        className="px-2 text-sm"
        value={value ?? ''}
        onChange={({ target }) => onChange({ [field]: target.value })}
      />
    </div>
  );
}
