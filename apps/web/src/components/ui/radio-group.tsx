'use client';

import { type ComponentProps, createContext, useContext, useId } from 'react';
import { cn } from '#lib/cn.ts';

interface Choice {
  readonly value: string;
  /** Left out where there is only one choice. */
  readonly onValueChange?: ((value: string) => void) | undefined;
}

const Chosen = createContext<Choice & { readonly name: string }>({
  name: '',
  value: '',
});

/** The browser's own buttons, drawn as the kit draws them. */
export function RadioGroup({ className, value, onValueChange, ...props }: ComponentProps<'div'> & Choice) {
  return (
    <Chosen value={{ name: useId(), value, onValueChange }}>
      <div role="radiogroup" data-slot="radio-group" className={cn('grid kit:gap-3', className)} {...props} />
    </Chosen>
  );
}

interface RadioGroupItemProps extends Omit<ComponentProps<'input'>, 'type' | 'name' | 'checked' | 'onChange'> {
  readonly value: string;
}

export function RadioGroupItem({ className, value, ...props }: RadioGroupItemProps) {
  const chosen = useContext(Chosen);
  const isChosen = chosen.value === value;
  return (
    <input
      type="radio"
      name={chosen.name}
      value={value}
      checked={isChosen}
      data-slot="radio-group-item"
      data-state={isChosen ? 'checked' : 'unchecked'}
      className={cn(
        'flex aspect-square size-5 shrink-0 cursor-pointer appearance-none items-center justify-center rounded-full border border-input-strong bg-background after:hidden after:size-2.5 after:rounded-full after:bg-primary checked:after:block disabled:cursor-not-allowed disabled:opacity-50',
        className,
      )}
      onChange={() => chosen.onValueChange?.(value)}
      {...props}
    />
  );
}
