'use client';

import NextLink from 'next/link';
import type { ComponentProps } from 'react';
import { usePages } from '../browser/pages.ts';

/** In the place of `next/link`: leads to where the host says that Cofre's pages are. */
// oxlint-disable-next-line import/no-default-export -- what it stands for is one
export default function Link({ href, ...props }: ComponentProps<typeof NextLink>) {
  const placed = usePages();
  return <NextLink href={typeof href === 'string' ? placed(href) : href} {...props} />;
}
