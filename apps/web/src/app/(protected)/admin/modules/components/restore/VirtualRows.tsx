'use client';

import { useVirtualizer } from '@tanstack/react-virtual';
import { useTranslations } from 'next-intl';
import { useEffect, useRef, useSyncExternalStore } from 'react';
import { PlanRowLine } from './PlanRowLine.tsx';
import type { PlanRow } from './plan-rows.ts';

/** Rows are of one height, so that nothing moves when they arrive and the bar means what it says. */
const HEIGHT_PX = { narrow: 132, wide: 72 } as const;
/** So many beside those in sight are drawn, too. */
const OVERSCAN = 6;
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

/** A list of any length, of which only what is in sight is drawn. */
export function VirtualRows({ label, count, keyColumns, rowAt, onOpen, onSight }: VirtualRowsProps) {
  const t = useTranslations('restore.rows');
  const scroll = useRef<HTMLDivElement | null>(null);
  const height = useIsWide() ? HEIGHT_PX.wide : HEIGHT_PX.narrow;
  // oxlint-disable-next-line react/incompatible-library -- its functions change with each render, and nothing here remembers them
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroll.current,
    estimateSize: () => height,
    overscan: OVERSCAN,
  });
  useEffect(() => virtual.measure(), [virtual, height]);
  const items = virtual.getVirtualItems();
  const [first, last] = [items[0]?.index ?? 0, items.at(-1)?.index ?? 0];
  const isResting = !virtual.isScrolling;
  useEffect(() => {
    if (isResting) onSight(first, last);
  }, [isResting, first, last, onSight]);
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
      <div
        ref={scroll}
        role="rowgroup"
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- else nobody scrolls it without a mouse
        tabIndex={0}
        aria-label={label}
        className="relative h-[min(28rem,65dvh)] overflow-y-auto overscroll-contain"
        style={{ maxHeight: count * height }}
      >
        <div style={{ height: virtual.getTotalSize() }} aria-hidden="true" role="presentation" />
        {items.map(({ index, start, size }) => (
          <PlanRowLine
            key={index}
            index={index}
            row={rowAt(index)}
            keyColumns={keyColumns}
            onOpen={onOpen}
            style={{ height: size, transform: `translateY(${start}px)` }}
          />
        ))}
      </div>
    </div>
  );
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
