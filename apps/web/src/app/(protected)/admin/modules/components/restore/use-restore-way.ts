'use client';

import { usePathname, useSearchParams } from 'next/navigation';
import { useMemo, useSyncExternalStore } from 'react';
import { parseRestoreAddress, printRestoreAddress, type RestoreAddress } from './restore-address.ts';

export interface RestoreWay {
  readonly address: RestoreAddress;
  /** One step of the history: the back button undoes it. */
  go(change: Partial<RestoreAddress>): void;
  /** What the person did not do by themselves is no step of the history. */
  amend(change: Partial<RestoreAddress>): void;
}

export function useRestoreWay(): RestoreWay {
  const search = useAddress();
  return useMemo(() => {
    const address = parseRestoreAddress(new URLSearchParams(search));
    // Two changes in one moment: the second is to know of the first.
    const to = (change: Partial<RestoreAddress>) =>
      printRestoreAddress({ ...parseRestoreAddress(new URLSearchParams(window.location.search)), ...change });
    const tell = () => window.dispatchEvent(new Event(CHANGED));
    return {
      address,
      // The server has nothing to do for it: the history alone is told.
      go: (change) => {
        window.history.pushState(null, '', to(change));
        tell();
      },
      amend: (change) => {
        window.history.replaceState(null, '', to(change));
        tell();
      },
    };
  }, [search]);
}

const CHANGED = 'cofre-address';

/**
 * What stands behind the question mark, from the address itself: the router follows a moment later, and after a reload it
 * does not follow the back button to what was before.
 */
function useAddress(): string {
  const known = useSearchParams().toString();
  const pathname = usePathname();
  return useSyncExternalStore(
    follow,
    // On the way to another page the address is no longer ours.
    () => (window.location.pathname === pathname ? new URLSearchParams(window.location.search).toString() : known),
    () => known,
  );
}

function follow(onChange: () => void): () => void {
  const events = [CHANGED, 'popstate'];
  for (const name of events) window.addEventListener(name, onChange);
  return () => {
    for (const name of events) window.removeEventListener(name, onChange);
  };
}
