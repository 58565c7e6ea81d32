'use client';

import { usePathname, useSearchParams } from 'next/navigation';
import { useSyncExternalStore } from 'react';

/** Told when `set` was called: the router hands it on only a moment later. */
const readers = new Set<() => void>();

function subscribe(reader: () => void): () => void {
  readers.add(reader);
  return () => readers.delete(reader);
}

/**
 * What stands behind the question mark of the address. `set` writes several at once (null: away) without asking the server
 * and without a step in the history: filters are typed, and going back means leaving the page.
 */
export function useUrlState() {
  const asked = useSearchParams();
  const pathname = usePathname();
  // The address itself: a field that showed what the router knows would lose letters of who types quickly.
  const search = useSyncExternalStore(
    subscribe,
    () => window.location.search,
    () => `?${asked.toString()}`,
  );
  const params = new URLSearchParams(search);
  const set = (changes: Readonly<Record<string, string | null>>) => {
    // Two changes in one moment: the second is to know of the first.
    const next = new URLSearchParams(window.location.search);
    for (const [name, value] of Object.entries(changes)) {
      if (value === null || value === '') next.delete(name);
      else next.set(name, value);
    }
    const query = next.toString();
    window.history.replaceState(null, '', query === '' ? pathname : `${pathname}?${query}`);
    for (const read of readers) read();
  };
  return { params, set };
}
