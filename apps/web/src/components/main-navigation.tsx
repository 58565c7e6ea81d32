'use client';

import { BoxesIcon } from 'lucide-react';
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import { useTranslations } from 'next-intl';
import { cn } from '#lib/cn.ts';

/** The places of the application. What comes later (policies, notifications, audit, …) gets its line here. */
const PLACES = [{ href: '/admin/modules', name: 'modules', Icon: BoxesIcon }] as const;

export function MainNavigation() {
  const t = useTranslations('navigation');
  const pathname = usePathname();
  return (
    <nav aria-label={t('label')}>
      <ul className="flex items-center gap-1">
        {PLACES.map(({ href, name, Icon }) => {
          const isHere = pathname === href || pathname.startsWith(`${href}/`);
          return (
            <li key={href}>
              <Link
                href={href}
                aria-current={isHere ? 'page' : undefined}
                className={cn(
                  'flex h-9 items-center gap-2 rounded-md px-3 text-sm font-medium hover:bg-accent',
                  isHere ? 'bg-accent text-accent-foreground' : 'text-muted-foreground',
                )}
              >
                <Icon className="size-4" aria-hidden="true" />
                {t(name)}
              </Link>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}
