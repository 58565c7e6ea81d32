'use client';

import { type ComponentProps, createContext, type KeyboardEvent, useContext, useId } from 'react';
import { cn } from '#lib/cn.ts';

interface Choice {
  readonly id: string;
  readonly value: string;
  readonly onValueChange: (value: string) => void;
}

const Chosen = createContext<Choice>({ id: '', value: '', onValueChange: () => undefined });

type TabsProps = Omit<ComponentProps<'div'>, 'id'> & Omit<Choice, 'id'>;

/** The pattern of the ARIA practices: one tab is reached by Tab, the others by arrows, which open them. */
export function Tabs({ className, value, onValueChange, ...props }: TabsProps) {
  return (
    <Chosen value={{ id: useId(), value, onValueChange }}>
      <div data-slot="tabs" className={cn('flex flex-col gap-4', className)} {...props} />
    </Chosen>
  );
}

export function TabsList({ className, ...props }: ComponentProps<'div'>) {
  return (
    // oxlint-disable-next-line jsx-a11y/interactive-supports-focus -- its tabs take the focus
    <div
      role="tablist"
      data-slot="tabs-list"
      className={cn(
        'inline-flex h-10 w-fit items-center justify-center rounded-lg bg-muted p-1 text-muted-foreground',
        className,
      )}
      onKeyDown={moveFocus}
      {...props}
    />
  );
}

const STEPS: Readonly<Record<string, (at: number, count: number) => number>> = {
  ArrowRight: (at, count) => (at + 1) % count,
  ArrowLeft: (at, count) => (at + count - 1) % count,
  Home: () => 0,
  End: (_at, count) => count - 1,
};

function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const step = STEPS[event.key];
  const tabs = [...event.currentTarget.querySelectorAll<HTMLElement>('[role=tab]')];
  const at = tabs.findIndex((tab) => tab === event.target);
  if (step === undefined || at < 0) return;
  event.preventDefault();
  const next = tabs[step(at, tabs.length)];
  next?.focus();
  next?.click();
}

interface PartProps {
  readonly value: string;
}

export function TabsTrigger({ className, value, ...props }: ComponentProps<'button'> & PartProps) {
  const chosen = useContext(Chosen);
  const isChosen = chosen.value === value;
  return (
    <button
      type="button"
      role="tab"
      id={`${chosen.id}-tab-${value}`}
      aria-selected={isChosen}
      aria-controls={`${chosen.id}-panel-${value}`}
      tabIndex={isChosen ? 0 : -1}
      data-slot="tabs-trigger"
      data-state={isChosen ? 'active' : 'inactive'}
      className={cn(
        "inline-flex h-8 flex-1 cursor-pointer items-center justify-center gap-1.5 rounded-md px-3 text-sm font-medium whitespace-nowrap transition-colors disabled:pointer-events-none disabled:opacity-50 data-[state=active]:bg-background data-[state=active]:text-foreground data-[state=active]:shadow-xs [&_svg:not([class*='size-'])]:size-4",
        className,
      )}
      onClick={() => {
        if (!isChosen) chosen.onValueChange(value);
      }}
      {...props}
    />
  );
}

/** What is not chosen is not drawn. */
export function TabsContent({ className, value, children, ...props }: ComponentProps<'div'> & PartProps) {
  const chosen = useContext(Chosen);
  const isChosen = chosen.value === value;
  return (
    <div
      role="tabpanel"
      id={`${chosen.id}-panel-${value}`}
      aria-labelledby={`${chosen.id}-tab-${value}`}
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a panel may hold nothing else that takes the focus
      tabIndex={0}
      hidden={!isChosen}
      data-slot="tabs-content"
      className={cn('flex-1', className)}
      {...props}
    >
      {isChosen ? children : null}
    </div>
  );
}
