'use client';

import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';

/**
 * Queries of the browser: what the server rendered is fresh for a moment, and looked at again when the tab is. They ask also
 * where the browser believes that it has no network: what waits for one would look as if it were loading for ever.
 */
const STALE_MS = 5_000;

/** Stands around what asks, not around every page: those that ask for nothing do without it. */
export function QueryProvider({ children }: { readonly children: ReactNode }) {
  const [client] = useState(sharedClient);
  return <QueryClientProvider client={client}>{children}</QueryClientProvider>;
}

let ofBrowser: QueryClient | undefined;

/** What was read stays known from page to page. A server has many readers, and keeps nothing of theirs. */
function sharedClient(): QueryClient {
  if (typeof document === 'undefined') return newClient();
  ofBrowser ??= newClient();
  return ofBrowser;
}

function newClient(): QueryClient {
  return new QueryClient({ defaultOptions: { queries: { staleTime: STALE_MS, retry: false, networkMode: 'always' } } });
}
