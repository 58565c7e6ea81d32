import { ChevronLeftIcon, ChevronRightIcon } from 'lucide-react';
import Link from 'next/link';
import type { ComponentProps } from 'react';
import { cn } from '#lib/cn.ts';
import { buttonVariants } from './button.tsx';

/** Lists page by cursors, so there is an older page and a newer one, and no numbers. Needs an `aria-label`. */
export function Pagination({ className, ...props }: ComponentProps<'nav'>) {
  return (
    <nav
      data-slot="pagination"
      className={cn('flex w-full items-center justify-between gap-2', className)}
      {...props}
    />
  );
}

type PageLinkProps = ComponentProps<typeof Link>;

export function PaginationPrevious({ className, children, ...props }: PageLinkProps) {
  return (
    <Link rel="prev" className={cn(buttonVariants({ variant: 'outline', size: 'sm' }), className)} {...props}>
      <ChevronLeftIcon aria-hidden="true" />
      {children}
    </Link>
  );
}

export function PaginationNext({ className, children, ...props }: PageLinkProps) {
  return (
    <Link rel="next" className={cn(buttonVariants({ variant: 'outline', size: 'sm' }), className)} {...props}>
      {children}
      <ChevronRightIcon aria-hidden="true" />
    </Link>
  );
}
