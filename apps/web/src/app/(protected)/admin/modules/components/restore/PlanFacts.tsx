'use client';

import type { PlanDocument } from '@cofre/contracts';
import { useTranslations } from 'next-intl';
import type { ReactNode } from 'react';
import { RelativeTime, useExactTime } from '#components/date-time.tsx';
import { Card, CardContent } from '#components/ui/card.tsx';
import { useDescription } from '../backup/use-description.ts';
import type { RestoredBackup } from './step-props.ts';

interface PlanFactsProps {
  readonly plan: PlanDocument;
  readonly backup: RestoredBackup;
  readonly name: string;
}

/** Which backup it is and how old, what makes the way back safe, and how long the preview may be relied on. */
export function PlanFacts({ plan, backup, name }: PlanFactsProps) {
  const t = useTranslations('restore.preview');
  const types = useTranslations('backups.types');
  const exact = useExactTime();
  const description = useDescription(backup);
  return (
    <Card>
      <CardContent>
        <h3 className="sr-only">{t('facts')}</h3>
        <dl className="grid gap-x-6 gap-y-4 text-sm sm:grid-cols-2 lg:grid-cols-4">
          <Fact name={t('backup')}>
            {name} · {types(backup.type)}
            {description === null ? null : <span className="block text-muted-foreground">{description}</span>}
          </Fact>
          <Fact name={t('made')}>
            <RelativeTime at={backup.createdAt} />
            <span className="block text-muted-foreground">{exact(backup.createdAt)}</span>
          </Fact>
          <Fact name={t('verified')}>
            {backup.verifiedAt === null ? t('notVerified') : <RelativeTime at={backup.verifiedAt} />}
          </Fact>
          <Fact name={t('expires')}>
            <RelativeTime at={plan.expiresAt} />
            <span className="block text-muted-foreground">{exact(plan.expiresAt)}</span>
          </Fact>
          <Fact name={t('safety')}>
            <span className="sm:max-w-prose">{t('safetyHint')}</span>
          </Fact>
        </dl>
      </CardContent>
    </Card>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div className="min-w-0 last:sm:col-span-2 last:lg:col-span-4">
      <dt className="text-muted-foreground">{name}</dt>
      <dd className="break-words">{children}</dd>
    </div>
  );
}
