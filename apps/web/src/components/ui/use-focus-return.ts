import { type ComponentProps, useRef } from 'react';
import type { Dialog } from 'radix-ui';

type Hooks = Required<Pick<ComponentProps<typeof Dialog.Content>, 'onOpenAutoFocus' | 'onCloseAutoFocus'>>;

/**
 * Whoever opened a dialog gets the focus back when it closes. By itself it goes back only to triggers, and most dialogs here
 * are opened from menus, or are fetched when they are asked for.
 */
export function useFocusReturn(): Hooks {
  const opener = useRef<HTMLElement | null>(null);
  return {
    onOpenAutoFocus: () => {
      opener.current = openerOf(document.activeElement);
    },
    onCloseAutoFocus: (event) => {
      event.preventDefault();
      opener.current?.focus();
    },
  };
}

/** A menu is gone when its dialog closes: its button stands for it, which gave it its name. */
function openerOf(focused: Element | null): HTMLElement | null {
  const button = focused?.closest('[role=menu]')?.getAttribute('aria-labelledby');
  if (button !== null && button !== undefined) return document.getElementById(button);
  return focused instanceof HTMLElement ? focused : null;
}
