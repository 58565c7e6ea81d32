import type { ConfigurationDocument } from '@cofre/contracts';
import { type ServiceContext, showConfiguration } from '@cofre/services';
import { useTranslations } from 'next-intl';
import { getTranslations } from 'next-intl/server';
import { Card, CardContent, CardDescription, CardHeader, CardTitle } from '#components/ui/card.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { readOrWords } from '#server/read-or-words.ts';
import { CellValue } from '../../components/cell-value.tsx';
import { PartFailure } from '../../components/PartFailure.tsx';

interface ConfigurationProps {
  readonly service: ServiceContext;
  readonly implementation: string;
}

/** The configuration as it is now. What is secret was masked by the use case, and is in no answer of the server. */
export async function Configuration({ service, implementation }: ConfigurationProps) {
  const t = await getTranslations('implementation');
  const read = await readOrWords(showConfiguration(service, { implementation }));
  return (
    <Card>
      <CardHeader>
        <CardTitle>{t('configuration')}</CardTitle>
        <CardDescription>{t('configurationNote')}</CardDescription>
      </CardHeader>
      <CardContent className="flex flex-col gap-3">
        {'error' in read ? (
          <PartFailure error={read.error} />
        ) : (
          read.data.tables.map((table) => <ConfigurationTable key={table.table} table={table} />)
        )}
      </CardContent>
    </Card>
  );
}

function ConfigurationTable({ table }: { readonly table: ConfigurationDocument['tables'][number] }) {
  const t = useTranslations('implementation');
  const { table: name, columns, secretColumns, rows, isCut } = table;
  return (
    <details className="group rounded-lg border">
      <summary className="flex min-h-11 cursor-pointer flex-wrap items-center gap-x-3 gap-y-1 rounded-lg px-4 py-2 hover:bg-accent">
        <code className="font-mono text-sm break-all">{name}</code>
        <span className="text-sm text-muted-foreground">
          {isCut ? t('firstRows', { count: rows.length }) : t('rowCount', { count: rows.length })}
        </span>
      </summary>
      <div className="flex flex-col divide-y border-t px-4">
        {rows.length === 0 ? <p className="py-3 text-sm text-muted-foreground">{t('noRows')}</p> : null}
        {rows.map((row, index) => (
          // oxlint-disable-next-line react/no-array-index-key -- rows need have no key, and nothing reorders them
          <dl
            key={index}
            className="grid grid-cols-[minmax(0,1fr)] gap-x-6 gap-y-2 py-3 text-sm sm:grid-cols-[minmax(8rem,14rem)_minmax(0,1fr)]"
          >
            {columns.map((column) => (
              <div key={column} className="contents">
                <dt className="font-mono text-xs leading-5 break-all text-muted-foreground">{column}</dt>
                <dd className="min-w-0 break-words">
                  <CellValue value={row[column] ?? null} isSecret={secretColumns.includes(column)} isWhole />
                </dd>
              </div>
            ))}
          </dl>
        ))}
      </div>
    </details>
  );
}

export function ConfigurationSkeleton() {
  const t = useTranslations('common');
  return (
    <div role="status" aria-label={t('loading')}>
      <Skeleton className="h-64 rounded-xl" />
    </div>
  );
}
