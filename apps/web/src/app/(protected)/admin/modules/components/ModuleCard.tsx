import type { ImplementationDocument, ModuleDocument } from '@cofre/contracts';
import Link from 'next/link';
import { useTranslations } from 'next-intl';
import { RelativeTime } from '#components/date-time.tsx';
import { Card, CardContent, CardDescription, CardHeader, CardTitle } from '#components/ui/card.tsx';
import { implementationPath } from '#lib/paths.ts';
import { protectionOf } from '#lib/protection.ts';
import { ProtectionBadge } from './protection-badge.tsx';

interface ModuleCardProps {
  readonly module: ModuleDocument;
  readonly implementations: readonly ImplementationDocument[];
}

export function ModuleCard({ module, implementations }: ModuleCardProps) {
  const t = useTranslations('modules');
  return (
    <Card>
      <CardHeader>
        <CardTitle>{module.name}</CardTitle>
        <CardDescription>
          {t('summary', { tables: module.tables, implementations: module.implementations })}
        </CardDescription>
      </CardHeader>
      <CardContent>
        {implementations.length === 0 ? (
          <p className="text-sm text-muted-foreground">{t('noImplementations')}</p>
        ) : (
          <ul className="divide-y">
            {implementations.map((implementation) => (
              <ImplementationLine key={implementation.id} implementation={implementation} />
            ))}
          </ul>
        )}
      </CardContent>
    </Card>
  );
}

function ImplementationLine({ implementation }: { readonly implementation: ImplementationDocument }) {
  const t = useTranslations('modules');
  const { name, lastBackupAt } = implementation;
  return (
    <li className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1 py-2.5">
      <div className="min-w-0">
        <Link
          href={implementationPath(implementation)}
          className="font-medium break-words underline-offset-4 hover:underline"
        >
          {name}
        </Link>
        <p className="text-sm text-muted-foreground">
          {lastBackupAt === null
            ? t('neverBackedUp')
            : t.rich('lastBackup', { when: () => <RelativeTime at={lastBackupAt} /> })}
        </p>
      </div>
      <ProtectionBadge state={protectionOf(implementation)} />
    </li>
  );
}
