import type { ComponentProps } from 'react';
import { cn } from '#lib/cn.ts';

interface ProgressProps extends Omit<ComponentProps<'div'>, 'role' | 'children'> {
  /** Of 100. null: it goes on, and nobody knows how far. */
  readonly value?: number | null;
}

/** Needs an `aria-label`. */
export function Progress({ className, value = null, ...props }: ProgressProps) {
  return (
    <div
      role="progressbar"
      data-slot="progress"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={value ?? undefined}
      className={cn('relative h-2 w-full overflow-hidden rounded-full bg-primary/20', className)}
      {...props}
    >
      <div
        data-slot="progress-indicator"
        className={cn(
          'h-full bg-primary transition-transform',
          value === null && 'w-1/3 animate-pulse motion-reduce:animate-none',
        )}
        style={value === null ? undefined : { transform: `translateX(-${100 - value}%)` }}
      />
    </div>
  );
}
