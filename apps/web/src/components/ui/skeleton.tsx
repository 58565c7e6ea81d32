import type { ComponentProps } from 'react';
import { cn } from '#lib/cn.ts';

/** The place of what is on its way; as large as what comes, so that nothing moves. */
export function Skeleton({ className, ...props }: ComponentProps<'div'>) {
  return (
    <div
      data-slot="skeleton"
      aria-hidden="true"
      className={cn('animate-pulse bg-muted kit:rounded-md motion-reduce:animate-none', className)}
      {...props}
    />
  );
}
