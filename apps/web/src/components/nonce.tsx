'use client';

import { setNonce } from 'get-nonce';
import { type ReactNode, useState } from 'react';

/** Gives the page's nonce to what writes style elements while the page is used (scroll locks of dialogs). */
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
  return children;
}
