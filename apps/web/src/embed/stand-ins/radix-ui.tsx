'use client';

import * as Radix from 'radix-ui';
import { type ComponentType, useContext } from 'react';
import { Scope } from '../browser/scope.ts';

export * from 'radix-ui';

interface Placed {
  container?: Element | DocumentFragment | null | undefined;
}

/** In the place of `radix-ui`: dialogs and menus open inside of the element that our styles are for, not in the body. */
function scoped<Props extends object>(Portal: ComponentType<Props & Placed>): ComponentType<Props & Placed> {
  return function ScopedPortal(props) {
    return <Portal {...props} container={useContext(Scope)} />;
  };
}

export const AlertDialog = { ...Radix.AlertDialog, Portal: scoped(Radix.AlertDialog.Portal) };
export const Dialog = { ...Radix.Dialog, Portal: scoped(Radix.Dialog.Portal) };
export const DropdownMenu = { ...Radix.DropdownMenu, Portal: scoped(Radix.DropdownMenu.Portal) };
export const Popover = { ...Radix.Popover, Portal: scoped(Radix.Popover.Portal) };
