'use client';

import { usePathname, useSearchParams } from 'next/navigation';

/**
 * What stands behind the question mark of the address. `set` writes several at once (null: away) without asking the server
 * and without a step in the history: filters are typed, and going back means leaving the page.
 */
export function useUrlState() {
  const params = useSearchParams();
  const pathname = usePathname();
  const set = (changes: Readonly<Record<string, string | null>>) => {
    // Two changes in one moment: the second is to know of the first.
    const next = new URLSearchParams(window.location.search);
    for (const [name, value] of Object.entries(changes)) {
      if (value === null || value === '') next.delete(name);
      else next.set(name, value);
    }
    const query = next.toString();
    window.history.replaceState(null, '', query === '' ? pathname : `${pathname}?${query}`);
  };
  return { params, set };
}
