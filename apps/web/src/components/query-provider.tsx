'use client';

import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';

/**
 * Queries of the browser: what the server rendered is fresh for a moment, and looked at again when the tab is. They ask also
 * where the browser believes that it has no network: what waits for one would look as if it were loading for ever.
 */
const STALE_MS = 5_000;

export function QueryProvider({ children }: { readonly children: ReactNode }) {
  const [client] = useState(
    () =>
      new QueryClient({ defaultOptions: { queries: { staleTime: STALE_MS, retry: false, networkMode: 'always' } } }),
  );
  return <QueryClientProvider client={client}>{children}</QueryClientProvider>;
}
