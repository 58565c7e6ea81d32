'use client';

import { type ComponentProps, type ReactNode, useState } from 'react';
import { Button } from './ui/button.tsx';
import { useLoaded } from './use-loaded.ts';

/** The components that menus are made of. */
export type Menu = typeof import('./ui/dropdown-menu.tsx');

const fetchMenu = (): Promise<Menu> => import('./ui/dropdown-menu.tsx');

type Looks = Pick<ComponentProps<typeof Button>, 'variant' | 'size' | 'aria-label' | 'aria-busy'>;

interface LazyMenuProps extends Looks {
  /** What the button shows. */
  readonly face: ReactNode;
  readonly onOpen?: () => void;
  /** The entries, made of the components of a menu. */
  readonly children: (menu: Menu) => ReactNode;
}

/** A menu whose code is fetched when somebody points at its button. Until it is opened the button stands alone. */
export function LazyMenu({ face, onOpen, children, ...looks }: LazyMenuProps) {
  const { loaded: menu, prepare, need } = useLoaded(fetchMenu);
  const [isOpen, setIsOpen] = useState(false);
  /** Asked for, and how. */
  const [asked, setAsked] = useState<'by-keyboard' | 'by-pointer' | null>(null);
  const turn = (open: boolean) => {
    setIsOpen(open);
    if (open) onOpen?.();
  };
  const ask = (how: 'by-keyboard' | 'by-pointer') => {
    need();
    setAsked(how);
    turn(true);
  };
  if (menu === null || asked === null) {
    return (
      <Button
        {...looks}
        aria-haspopup="menu"
        aria-expanded={false}
        onPointerEnter={prepare}
        onFocus={prepare}
        // Keys click without a pointer.
        onClick={({ detail }) => ask(detail === 0 ? 'by-keyboard' : 'by-pointer')}
        onKeyDown={(event) => {
          if (event.key !== 'ArrowDown') return;
          event.preventDefault();
          ask('by-keyboard');
        }}
      >
        {face}
      </Button>
    );
  }
  const { DropdownMenu, DropdownMenuContent, DropdownMenuTrigger } = menu;
  return (
    <DropdownMenu open={isOpen} onOpenChange={turn}>
      <DropdownMenuTrigger asChild>
        <Button {...looks}>{face}</Button>
      </DropdownMenuTrigger>
      <DropdownMenuContent align="end" ref={asked === 'by-keyboard' ? focusFirst : undefined}>
        {children(menu)}
      </DropdownMenuContent>
    </DropdownMenu>
  );
}

/** The menu did not see the key that opened it the first time, and would wait for another. */
function focusFirst(content: HTMLElement | null): void {
  setTimeout(() => content?.querySelector<HTMLElement>('[role^="menuitem"]')?.focus());
}
