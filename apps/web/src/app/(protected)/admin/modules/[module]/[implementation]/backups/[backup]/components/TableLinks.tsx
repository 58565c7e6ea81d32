import Link from 'next/link';
import { useTranslations } from 'next-intl';
import { cn } from '#lib/cn.ts';

interface TableLinksProps {
  readonly tables: readonly { readonly table: string; readonly note: string; readonly href: string }[];
  readonly open: string | undefined;
}

/** The tables of a backup, each with a figure and an address of its own. */
export function TableLinks({ tables, open }: TableLinksProps) {
  const t = useTranslations('rows');
  return (
    <nav aria-label={t('tables')}>
      <ul className="flex flex-col gap-1">
        {tables.map(({ table, note, href }) => (
          <li key={table}>
            <Link
              href={href}
              scroll={false}
              // Of many tables few are looked into, and each would be asked for as soon as it is seen.
              prefetch={false}
              aria-current={table === open ? 'true' : undefined}
              className={cn(
                'flex min-h-9 items-center justify-between gap-3 rounded-md px-3 py-1.5 text-sm hover:bg-accent',
                table === open && 'bg-accent font-medium text-accent-foreground',
              )}
            >
              <span className="min-w-0 break-all">{table}</span>
              <span className="shrink-0 text-muted-foreground tabular-nums">{note}</span>
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
