import type { ComponentProps } from 'react';
import { cn } from '#lib/cn.ts';

export function Label({ className, ...props }: ComponentProps<'label'>) {
  return (
    // oxlint-disable-next-line jsx-a11y/label-has-associated-control -- who uses it says by `htmlFor` what it names
    <label
      data-slot="label"
      className={cn('flex items-center gap-2 text-sm font-medium select-none kit:leading-none', className)}
      {...props}
    />
  );
}
