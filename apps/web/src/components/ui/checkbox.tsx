import type { ComponentProps } from 'react';
import { cn } from '#lib/cn.ts';

interface CheckboxProps extends Omit<ComponentProps<'input'>, 'type' | 'onChange'> {
  readonly onCheckedChange?: (isChecked: boolean) => void;
}

/** The browser's own box, drawn as the kit draws it. */
export function Checkbox({ className, onCheckedChange, ...props }: CheckboxProps) {
  return (
    <input
      type="checkbox"
      data-slot="checkbox"
      className={cn(
        'flex size-5 shrink-0 cursor-pointer appearance-none items-center justify-center rounded border border-input-strong bg-background transition-colors after:hidden after:size-3 after:bg-primary-foreground after:[clip-path:polygon(14%_44%,0_60%,42%_96%,100%_20%,84%_6%,40%_68%)] checked:border-primary checked:bg-primary checked:after:block disabled:cursor-not-allowed disabled:opacity-50',
        className,
      )}
      onChange={({ target }) => onCheckedChange?.(target.checked)}
      {...props}
    />
  );
}
