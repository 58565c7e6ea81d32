'use client';

import { createContext, useContext } from 'react';

/** Where the web admin has its pages; the addresses that its components make begin with it. */
const OURS = '/admin/modules';

export const Pages = createContext<string>(OURS);

/** Puts an address of the web admin to where the host says that its pages are. */
export function usePages(): (href: string) => string {
  const pages = useContext(Pages).replace(/\/$/, '');
  return (href) => (href.startsWith(OURS) ? `${pages}${href.slice(OURS.length)}` : href);
}
