import Link from 'next/link';
import { useTranslations } from 'next-intl';
import {
  Breadcrumb,
  BreadcrumbItem,
  BreadcrumbList,
  BreadcrumbPage,
  BreadcrumbSeparator,
} from '#components/ui/breadcrumb.tsx';
import { implementationPath } from '#lib/paths.ts';

interface RestoreTrailProps {
  readonly place: { readonly module: string; readonly key: string };
  readonly name: string;
  readonly here: string;
}

/** Where the page is, and the ways up from it. */
export function RestoreTrail({ place, name, here }: RestoreTrailProps) {
  const t = useTranslations('implementation');
  return (
    <Breadcrumb aria-label={t('breadcrumb')}>
      <BreadcrumbList>
        <BreadcrumbItem>
          <Link href="/admin/modules" className="hover:text-foreground hover:underline">
            {t('modules')}
          </Link>
        </BreadcrumbItem>
        <BreadcrumbSeparator />
        <BreadcrumbItem>
          <Link href={implementationPath(place)} className="hover:text-foreground hover:underline">
            {name}
          </Link>
        </BreadcrumbItem>
        <BreadcrumbSeparator />
        <BreadcrumbItem>
          <BreadcrumbPage>{here}</BreadcrumbPage>
        </BreadcrumbItem>
      </BreadcrumbList>
    </Breadcrumb>
  );
}
