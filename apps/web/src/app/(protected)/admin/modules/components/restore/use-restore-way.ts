'use client';

import { useSearchParams } from 'next/navigation';
import { useMemo } from 'react';
import { parseRestoreAddress, printRestoreAddress, type RestoreAddress } from './restore-address.ts';

export interface RestoreWay {
  readonly address: RestoreAddress;
  /** One step of the history: the back button undoes it. */
  go(change: Partial<RestoreAddress>): void;
  /** What the person did not do by themselves is no step of the history. */
  amend(change: Partial<RestoreAddress>): void;
}

export function useRestoreWay(): RestoreWay {
  const search = useSearchParams();
  return useMemo(() => {
    const address = parseRestoreAddress(new URLSearchParams(search));
    // Two changes in one moment: the second is to know of the first.
    const to = (change: Partial<RestoreAddress>) =>
      printRestoreAddress({ ...parseRestoreAddress(new URLSearchParams(window.location.search)), ...change });
    return {
      address,
      // The server has nothing to do for it: the history alone is told.
      go: (change) => window.history.pushState(null, '', to(change)),
      amend: (change) => window.history.replaceState(null, '', to(change)),
    };
  }, [search]);
}
