'use client';

import type { RecentChangesDocument } from '@cofre/contracts';
import { PencilLineIcon } from 'lucide-react';
import { useFormatter, useTranslations } from 'next-intl';
import { Alert, AlertDescription, AlertTitle } from '#components/ui/alert.tsx';
import { tableLabel } from './table-label.ts';
import { useRecentChanges } from './use-recent-changes.ts';

const SECOND_MS = 1000;
/** From then on nobody counts seconds. */
const MINUTES_FROM_MS = 90 * SECOND_MS;

/** Warns while rows are being changed: what is looked at may not be all of the damage. Silent where all is quiet. */
export function StillChanging({ implementation }: { readonly implementation: string }) {
  const t = useTranslations('restore.changing');
  const { data, isError } = useRecentChanges(implementation);
  return (
    <div role="status" className="contents">
      {isError ? (
        <p className="text-sm text-muted-foreground">{t('unknown')}</p>
      ) : data !== undefined && data.rows > 0 ? (
        <Warning changes={data} />
      ) : null}
    </div>
  );
}

function Warning({ changes }: { readonly changes: RecentChangesDocument }) {
  const t = useTranslations('restore.changing');
  const format = useFormatter();
  const { rows, tables, since, lookedAt } = changes;
  const spanMs = Date.parse(lookedAt) - Date.parse(since ?? lookedAt);
  const isMinutes = spanMs >= MINUTES_FROM_MS;
  const span = Math.max(1, Math.round(spanMs / (isMinutes ? 60 * SECOND_MS : SECOND_MS)));
  const names = tables.map((it) => t('table', { table: tableLabel(it.table), rows: it.rows }));
  return (
    <Alert variant="warning" role="note">
      <PencilLineIcon aria-hidden="true" />
      <AlertTitle>{t('title')}</AlertTitle>
      <AlertDescription>
        <p>
          {t(isMinutes ? 'leadMinutes' : 'leadSeconds', { rows, span })} {format.list(names)}.
        </p>
        <p>{t('hint')}</p>
      </AlertDescription>
    </Alert>
  );
}
