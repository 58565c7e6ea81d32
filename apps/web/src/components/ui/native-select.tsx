import { ChevronDownIcon } from 'lucide-react';
import type { ComponentProps } from 'react';
import { cn } from '#lib/cn.ts';

/**
 * The browser's own list, which phones and readers know best. Its name comes by `<Label htmlFor>` or `aria-label`; `className`
 * is of what is around it.
 */
export function NativeSelect({ className, ...props }: ComponentProps<'select'>) {
  return (
    <div data-slot="native-select-wrapper" className={cn('relative w-full min-w-0', className)}>
      <select
        data-slot="native-select"
        className="h-10 w-full min-w-0 cursor-pointer appearance-none truncate rounded-md border border-input bg-background py-1 pr-9 pl-3 text-base disabled:cursor-not-allowed disabled:opacity-50 md:text-sm"
        {...props}
      />
      <ChevronDownIcon
        className="pointer-events-none absolute top-1/2 right-3 size-4 -translate-y-1/2 opacity-60"
        aria-hidden="true"
      />
    </div>
  );
}

export function NativeSelectOption(props: ComponentProps<'option'>) {
  // By themselves some systems draw lists light, whatever the page looks like.
  return <option data-slot="native-select-option" className="bg-popover text-popover-foreground" {...props} />;
}
