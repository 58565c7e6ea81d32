'use client';

import { useTranslations } from 'next-intl';
import { type KeyboardEvent, type RefObject, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { PlanRowLine } from './PlanRowLine.tsx';
import type { PlanRow } from './plan-rows.ts';

/** Rows are of one height, so that nothing moves when they arrive and the bar means what it says. */
const HEIGHT_PX = { narrow: 132, wide: 72 } as const;
/** So many beside those in sight are drawn, too. */
const OVERSCAN = 6;
/** What is drawn changes only every so many rows, not with each turn of the wheel. */
const STEP = 4;
/** After so long without movement the scrolling rests. */
const REST_MS = 150;
const WIDE = '(min-width: 48rem)';

interface VirtualRowsProps {
  readonly label: string;
  readonly count: number;
  readonly keyColumns: readonly string[];
  /** undefined: it has not been read yet. */
  readonly rowAt: (index: number) => PlanRow | undefined;
  readonly onOpen: (row: PlanRow) => void;
  /** Which rows are in sight, once the scrolling rests. */
  readonly onSight: (first: number, last: number) => void;
}

/**
 * A list of any length, of which only what is in sight is drawn. Tab stops at one of its rows, and arrows go from row to row:
 * nobody comes by Tab through a hundred thousand of them.
 */
export function VirtualRows({ label, count, keyColumns, rowAt, onOpen, onSight }: VirtualRowsProps) {
  const t = useTranslations('restore.rows');
  const scroll = useRef<HTMLDivElement | null>(null);
  const height = useIsWide() ? HEIGHT_PX.wide : HEIGHT_PX.narrow;
  const { top, rows, isResting } = useSight(scroll, height);
  const first = Math.min(Math.max(0, top - OVERSCAN), Math.max(0, count - 1));
  const last = Math.min(count - 1, top + STEP + rows + OVERSCAN);
  const [current, setCurrent] = useState(0);
  const stop = Math.min(Math.max(current, top), Math.max(top, top + rows - 1), count - 1);
  useEffect(() => {
    if (isResting && rows > 0) onSight(first, last);
  }, [isResting, rows, first, last, onSight]);
  return (
    // oxlint-disable-next-line jsx-a11y/prefer-tag-over-role -- rows of a real table cannot be placed one by one
    <div
      role="table"
      aria-label={label}
      aria-rowcount={count + 1}
      className="overflow-hidden rounded-lg border text-sm"
    >
      <div role="rowgroup" className="hidden border-b bg-muted/60 font-medium text-muted-foreground md:block">
        <div role="row" aria-rowindex={1} className="grid grid-cols-[minmax(0,16rem)_1fr_1fr] gap-4 px-3 py-2">
          {(['row', 'now', 'after'] as const).map((name) => (
            <span key={name} role="columnheader">
              {t(name)}
            </span>
          ))}
        </div>
      </div>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- it only hears what its buttons are told */}
      <div
        ref={scroll}
        role="rowgroup"
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- else nobody scrolls it without a mouse
        tabIndex={0}
        aria-label={label}
        aria-keyshortcuts="ArrowDown ArrowUp"
        onKeyDown={goByKeys}
        onFocus={({ target }) => setCurrent(rowIndexOf(target) ?? stop)}
        className="relative h-[min(28rem,65dvh)] overflow-y-auto overscroll-contain"
        style={{ maxHeight: count * height }}
      >
        <div style={{ height: count * height }} aria-hidden="true" role="presentation" />
        {Array.from({ length: last - first + 1 }, (_, at) => first + at).map((index) => (
          <PlanRowLine
            key={index}
            index={index}
            heightPx={height}
            row={rowAt(index)}
            keyColumns={keyColumns}
            isStop={index === stop}
            onOpen={onOpen}
            t={t}
          />
        ))}
      </div>
    </div>
  );
}

/** Rows are counted from one, and the first is of their names. */
function rowIndexOf(element: Element): number | null {
  const row = element.closest('[aria-rowindex]')?.getAttribute('aria-rowindex');
  return row === null || row === undefined ? null : Number(row) - 2;
}

const STEPS: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1 };
const LEAPS = new Set(['PageDown', 'PageUp', 'Home', 'End']);

/** From row to row. Leaps are the box's own: a row that has the focus would be gone, and the focus with it. */
function goByKeys(event: KeyboardEvent<HTMLElement>): void {
  const { currentTarget: box, target, key } = event;
  const index = target instanceof Element && target !== box ? rowIndexOf(target) : null;
  if (index === null) return;
  if (LEAPS.has(key)) box.focus({ preventScroll: true });
  const step = STEPS[key];
  if (step === undefined) return;
  event.preventDefault();
  box.querySelector<HTMLElement>(`[aria-rowindex="${index + step + 2}"] button`)?.focus();
}

interface Sight {
  /** The first row in sight, or one of the few before it. */
  readonly top: number;
  /** How many there is room for; none: not known yet. */
  readonly rows: number;
  readonly isResting: boolean;
}

/** What of the rows is in sight. The page is measured when it changes, not while one scrolls. */
function useSight(scroll: RefObject<HTMLDivElement | null>, height: number): Sight {
  const [sight, setSight] = useState<Sight>({ top: 0, rows: 0, isResting: true });
  useEffect(() => {
    const box = scroll.current;
    if (box === null) return;
    const tell = (change: Partial<Sight>) =>
      setSight((was) => {
        const next = { ...was, ...change };
        return was.top === next.top && was.rows === next.rows && was.isResting === next.isResting ? was : next;
      });
    const top = () => Math.floor(box.scrollTop / (height * STEP)) * STEP;
    let rest: ReturnType<typeof setTimeout> | undefined;
    const onScroll = () => {
      clearTimeout(rest);
      rest = setTimeout(() => tell({ isResting: true }), REST_MS);
      tell({ top: top(), isResting: false });
    };
    const sizes = new ResizeObserver(([entry]) =>
      tell({ top: top(), rows: Math.ceil((entry?.contentRect.height ?? 0) / height) }),
    );
    sizes.observe(box);
    box.addEventListener('scroll', onScroll, { passive: true });
    return () => {
      clearTimeout(rest);
      sizes.disconnect();
      box.removeEventListener('scroll', onScroll);
    };
  }, [scroll, height]);
  return sight;
}

function useIsWide(): boolean {
  return useSyncExternalStore(
    (onChange) => {
      const query = window.matchMedia(WIDE);
      query.addEventListener('change', onChange);
      return () => query.removeEventListener('change', onChange);
    },
    () => window.matchMedia(WIDE).matches,
    () => true,
  );
}
