'use client';

import { useFormatter, useTranslations } from 'next-intl';
import { useId } from 'react';
import { Input } from '#components/ui/input.tsx';
import { Label } from '#components/ui/label.tsx';
import { NativeSelect, NativeSelectOption } from '#components/ui/native-select.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { useMoment } from '#components/use-moment.ts';

/** `day` as date fields write it: `2025-01-31`; empty: not chosen yet. */
export type ChosenExpiry =
  | { readonly by: 'policy' }
  | { readonly by: 'never' }
  | { readonly by: 'day'; readonly day: string };

/** What the use case is given beside the rest; null: a day is still to be chosen. */
export function expiryInput(chosen: ChosenExpiry): { readonly expiresAt?: string | null } | null {
  switch (chosen.by) {
    case 'policy':
      return {};
    case 'never':
      return { expiresAt: null };
    case 'day': {
      // It stays through the day that was chosen, where the reader is.
      const end = new Date(`${chosen.day}T23:59:59.999`);
      return Number.isNaN(end.getTime()) ? null : { expiresAt: end.toISOString() };
    }
  }
}

const DAY_MS = 86_400_000;

interface ExpiryChoiceProps {
  readonly chosen: ChosenExpiry;
  /** null: the policy keeps it for ever; undefined: not known yet. */
  readonly policyDays: number | 'unreadable' | null | undefined;
  readonly onChange: (chosen: ChosenExpiry) => void;
}

export function ExpiryChoice({ chosen, policyDays, onChange }: ExpiryChoiceProps) {
  const t = useTranslations('create');
  const format = useFormatter();
  const now = useMoment();
  const id = useId();
  const days = typeof policyDays === 'number' ? policyDays : null;
  const choose = (by: string) => {
    if (by === 'day') onChange({ by, day: dayAfter(now, days ?? DEFAULT_DAYS) });
    else if (by === 'policy' || by === 'never') onChange({ by });
  };
  const end = new Date(now.getTime() + (days ?? 0) * DAY_MS);
  return (
    <div className="flex flex-col gap-1.5">
      <Label htmlFor={id}>{t('expiry')}</Label>
      <div className="grid gap-2 sm:grid-cols-2">
        <NativeSelect id={id} value={chosen.by} onChange={({ target }) => choose(target.value)}>
          <NativeSelectOption value="policy">{t('byPolicy')}</NativeSelectOption>
          <NativeSelectOption value="day">{t('byDay')}</NativeSelectOption>
          <NativeSelectOption value="never">{t('never')}</NativeSelectOption>
        </NativeSelect>
        {chosen.by === 'day' ? (
          <Input
            type="date"
            aria-label={t('byDay')}
            required
            min={dayAfter(now, 1)}
            value={chosen.day}
            onChange={({ target }) => onChange({ by: 'day', day: target.value })}
          />
        ) : null}
      </div>
      {chosen.by === 'policy' ? (
        <p className="flex min-h-5 items-center text-sm text-muted-foreground">
          {policyDays === undefined ? (
            <Skeleton className="h-4 w-56" />
          ) : policyDays === 'unreadable' ? (
            t('policyUnreadable')
          ) : days === null ? (
            t('policyNever')
          ) : (
            t('policyDays', { days, date: format.dateTime(end, { dateStyle: 'long' }) })
          )}
        </p>
      ) : null}
    </div>
  );
}

const DEFAULT_DAYS = 30;

/** A day of the reader's calendar, as date fields write it. */
function dayAfter(now: Date, days: number): string {
  const day = new Date(now.getFullYear(), now.getMonth(), now.getDate() + days);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}
