'use client';

import { setNonce } from 'get-nonce';
import { createContext, type ReactNode, useContext, useState } from 'react';

const Nonce = createContext<string | undefined>(undefined);

/** Gives the page's nonce to what writes style elements while the page is used (scroll locks of dialogs, select lists). */
export function NonceProvider({
  nonce,
  children,
}: {
  readonly nonce: string | undefined;
  readonly children: ReactNode;
}) {
  // A refresh renders with another nonce, and the document goes on under the policy that it came with.
  const [first] = useState(nonce);
  if (first !== undefined && typeof document !== 'undefined') setNonce(first);
  return <Nonce value={first}>{children}</Nonce>;
}

export function useNonce(): string | undefined {
  return useContext(Nonce);
}
