'use client';

import { CheckIcon, ClockAlertIcon, MinusIcon, TriangleAlertIcon, XIcon } from 'lucide-react';
import { useFormatter, useTranslations } from 'next-intl';
import { type ComponentType, type KeyboardEvent, type PointerEvent, useState } from 'react';
import { useByteSize } from '#components/byte-size.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { cn } from '#lib/cn.ts';
import { type BackupDay, changeHeights, DAY_OUTCOMES, type DayOutcome, outcomeOf } from '#lib/day-outcome.ts';

interface Look {
  readonly Icon: ComponentType<{ className?: string }>;
  /** The outline differs too: none is dashed, overdue is round, failed is filled. */
  readonly shape: string;
}

const LOOKS: Readonly<Record<DayOutcome, Look>> = {
  ok: { Icon: CheckIcon, shape: 'rounded-sm border-success-border bg-success text-success-foreground' },
  warning: { Icon: TriangleAlertIcon, shape: 'rounded-sm border-warning-border bg-warning text-warning-foreground' },
  failed: { Icon: XIcon, shape: 'rounded-sm border-danger-foreground bg-danger text-danger-foreground' },
  overdue: { Icon: ClockAlertIcon, shape: 'rounded-full border-warning-foreground bg-warning text-warning-foreground' },
  none: { Icon: MinusIcon, shape: 'rounded-sm border-dashed text-muted-foreground' },
};

interface DayStripProps {
  /** null: on their way. */
  readonly days: readonly BackupDay[] | null;
  readonly onDay: (date: string) => void;
}

/** One column a day: how it went below, how much it changed above. Choosing one lists its backups. */
export function DayStrip({ days, onDay }: DayStripProps) {
  const t = useTranslations('strip');
  const loading = useTranslations('common');
  return (
    <div className="flex flex-col gap-2">
      <h2 className="text-sm text-muted-foreground">{t('title')}</h2>
      {days === null ? (
        <div role="status" aria-label={loading('loading')}>
          <Skeleton className="h-21 rounded-md" />
        </div>
      ) : (
        <Columns days={days} onDay={onDay} />
      )}
      <Legend />
    </div>
  );
}

function Columns({ days, onDay }: { readonly days: readonly BackupDay[]; readonly onDay: (date: string) => void }) {
  const t = useTranslations('strip');
  const words = useDayWords();
  const heights = changeHeights(days);
  const [hint, setHint] = useState<Hint | null>(null);
  return (
    // What is pointed at, its words, and the way between them are one: they can be reached without their going away.
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- it only hears that a column is left
    <div
      className="relative"
      onPointerLeave={() => setHint(null)}
      onBlur={() => setHint(null)}
      onKeyDown={({ key }: KeyboardEvent) => key === 'Escape' && setHint(null)}
    >
      {/* Where not all days fit, the newest are seen first. */}
      <section ref={scrollToEnd} aria-label={t('title')} className="-mx-1 h-21 overflow-x-auto overflow-y-hidden px-1">
        <ul className="grid min-w-180 grid-cols-[repeat(30,minmax(0,1fr))] gap-1">
          {days.map((day, index) => (
            <li key={day.date}>
              <Column
                day={day}
                words={words(day)}
                height={heights[index] ?? 0}
                onDay={onDay}
                onHint={(column) => setHint({ words: words(day), part: partOf(column) })}
              />
            </li>
          ))}
        </ul>
      </section>
      {hint === null ? null : <HintBox {...hint} />}
    </div>
  );
}

interface Hint {
  readonly words: readonly string[];
  /** Where the column stands, of the width of the strip. */
  readonly part: number;
}

function partOf(column: HTMLElement): number {
  const strip = column.closest('section')?.getBoundingClientRect();
  const { left, width } = column.getBoundingClientRect();
  return strip === undefined ? 0 : (left + width / 2 - strip.left) / strip.width;
}

/** Near an edge it grows to the other side. */
const EDGE = 0.25;

/** The words of a column, for who sees it; its name says them to everybody else. */
function HintBox({ words, part }: Hint) {
  const side = part < EDGE ? '' : part > 1 - EDGE ? '-translate-x-full' : '-translate-x-1/2';
  return (
    <div
      role="tooltip"
      className={cn(
        'absolute bottom-full z-50 mb-1 w-max max-w-xs rounded-md bg-foreground px-3 py-1.5 text-xs text-balance text-background',
        side,
      )}
      style={{ left: `${Math.round(part * 100)}%` }}
    >
      {words.map((line) => (
        <p key={line}>{line}</p>
      ))}
    </div>
  );
}

function scrollToEnd(element: HTMLElement | null): void {
  if (element !== null) element.scrollLeft = element.scrollWidth;
}

interface ColumnProps {
  readonly day: BackupDay;
  readonly words: readonly string[];
  readonly height: number;
  readonly onDay: (date: string) => void;
  readonly onHint: (column: HTMLElement) => void;
}

function Column({ day, words, height, onDay, onHint }: ColumnProps) {
  const { Icon, shape } = LOOKS[outcomeOf(day)];
  return (
    <button
      type="button"
      aria-label={words.join(', ')}
      className="flex w-full cursor-pointer flex-col gap-1 rounded-sm hover:bg-accent focus-visible:outline-offset-0"
      // A finger chooses at once.
      onPointerEnter={({ pointerType, currentTarget }: PointerEvent<HTMLElement>) =>
        pointerType !== 'touch' && onHint(currentTarget)
      }
      onFocus={({ currentTarget }) => currentTarget.matches(':focus-visible') && onHint(currentTarget)}
      onClick={() => onDay(day.date)}
    >
      <span className="flex h-12 items-end" aria-hidden="true">
        <span className="w-full rounded-t-xs bg-primary/60" style={{ height: `${Math.round(height * 100)}%` }} />
      </span>
      <span className={cn('flex h-7 w-full items-center justify-center border', shape)}>
        <Icon className="size-3.5" />
      </span>
    </button>
  );
}

function useDayWords(): (day: BackupDay) => readonly string[] {
  const t = useTranslations('strip');
  const format = useFormatter();
  const sizeOf = useByteSize();
  return (day) => {
    const { date, completed, failed, rowsChanged, bytesStored } = day;
    // A day has no zone of its own: noon in UTC is that day wherever it is written as UTC.
    const name = format.dateTime(new Date(`${date}T12:00:00Z`), {
      weekday: 'short',
      day: 'numeric',
      month: 'short',
      timeZone: 'UTC',
    });
    const lines = [name, t(`outcomes.${outcomeOf(day)}`)];
    if (completed + failed > 0) lines.push(t('counts', { completed, failed }));
    if (completed > 0) lines.push(t('change', { rows: rowsChanged, size: sizeOf(bytesStored) }));
    return lines;
  };
}

function Legend() {
  const t = useTranslations('strip');
  return (
    <ul className="flex flex-wrap gap-x-4 gap-y-1 text-xs text-muted-foreground" aria-label={t('legend')}>
      {DAY_OUTCOMES.map((outcome) => {
        const { Icon, shape } = LOOKS[outcome];
        return (
          <li key={outcome} className="flex items-center gap-1.5">
            <span className={cn('flex size-4 items-center justify-center border', shape)} aria-hidden="true">
              <Icon className="size-3" />
            </span>
            {t(`outcomes.${outcome}`)}
          </li>
        );
      })}
      <li className="flex items-center gap-1.5">
        <span className="h-4 w-1.5 rounded-t-xs bg-primary/60" aria-hidden="true" />
        {t('bar')}
      </li>
    </ul>
  );
}
