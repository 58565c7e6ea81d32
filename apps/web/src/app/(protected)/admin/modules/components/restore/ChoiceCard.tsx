'use client';

import { type ReactNode, useId } from 'react';
import { Badge } from '#components/ui/badge.tsx';
import { RadioGroupItem } from '#components/ui/radio-group.tsx';
import { cn } from '#lib/cn.ts';

interface ChoiceCardProps {
  readonly value: string;
  readonly name: string;
  readonly hint: string;
  readonly badge?: string | undefined;
  /** Has its place and cannot be chosen yet. */
  readonly isLater?: boolean;
  readonly children?: ReactNode;
}

/** One of several choices, as large as a finger wants it, with a sentence that says what it means. */
export function ChoiceCard({ value, name, hint, badge, isLater = false, children }: ChoiceCardProps) {
  const id = useId();
  return (
    <label
      htmlFor={id}
      className={cn(
        'flex items-start gap-3 rounded-xl border bg-card p-4 has-data-[state=checked]:border-primary has-data-[state=checked]:bg-accent/50',
        isLater ? 'cursor-not-allowed border-dashed' : 'cursor-pointer shadow-xs hover:border-input',
      )}
    >
      <RadioGroupItem id={id} value={value} disabled={isLater} aria-describedby={`${id}-hint`} className="mt-0.5" />
      <span className="flex min-w-0 flex-col gap-1">
        <span className="flex flex-wrap items-center gap-2">
          <span className={cn('font-medium', isLater && 'text-muted-foreground')}>{name}</span>
          {badge === undefined ? null : <Badge variant={isLater ? 'outline' : 'info'}>{badge}</Badge>}
        </span>
        <span id={`${id}-hint`} className="text-sm text-muted-foreground">
          {hint}
        </span>
        {children}
      </span>
    </label>
  );
}
