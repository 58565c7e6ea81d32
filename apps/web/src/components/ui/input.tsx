import type { ComponentProps } from 'react';
import { cn } from '#lib/cn.ts';

export function Input({ className, ...props }: ComponentProps<'input'>) {
  return (
    <input
      data-slot="input"
      className={cn(
        'flex h-10 rounded-md border border-input bg-background py-1 transition-colors placeholder:text-muted-foreground disabled:cursor-not-allowed disabled:opacity-50 aria-invalid:border-destructive md:text-sm kit:w-full kit:min-w-0 kit:px-3 kit:text-base',
        className,
      )}
      {...props}
    />
  );
}
