import Link from 'next/link';
import { useTranslations } from 'next-intl';
import { cn } from '#lib/cn.ts';

export const VIEWS = ['about', 'rows', 'compare'] as const;
export type View = (typeof VIEWS)[number];

/** Parts of the page, each with an address of its own that the server answers: links, and no tabs. */
export function BackupViews({ path, open }: { readonly path: string; readonly open: View }) {
  const t = useTranslations('backup');
  return (
    <nav aria-label={t('views')} className="max-w-full overflow-x-auto">
      <ul className="inline-flex h-10 w-fit items-center rounded-lg bg-muted p-1 text-muted-foreground">
        {VIEWS.map((view) => (
          <li key={view}>
            <Link
              href={view === 'about' ? path : `${path}?view=${view}`}
              aria-current={view === open ? 'page' : undefined}
              scroll={false}
              className={cn(
                'inline-flex h-8 items-center rounded-md px-3 text-sm font-medium whitespace-nowrap focus-visible:-outline-offset-2',
                view === open && 'bg-background text-foreground shadow-xs',
              )}
            >
              {t(`viewNames.${view}`)}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
