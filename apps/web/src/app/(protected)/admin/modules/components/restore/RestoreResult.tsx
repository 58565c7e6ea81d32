import type { RestoreDetailDocument } from '@cofre/contracts';
import { CircleCheckIcon, CircleXIcon, DownloadIcon, ShieldCheckIcon } from 'lucide-react';
import Link from 'next/link';
import { useFormatter, useTranslations } from 'next-intl';
import type { ReactNode } from 'react';
import { Button } from '#components/ui/button.tsx';
import { Card, CardContent } from '#components/ui/card.tsx';
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from '#components/ui/table.tsx';
import { cn } from '#lib/cn.ts';
import { implementationPath } from '#lib/paths.ts';
import { ExactTime } from './ExactTime.tsx';
import { restoreResultPath } from './restore-address.ts';
import { ShareLink } from './ShareLink.tsx';
import { tableLabel } from './table-label.ts';
import { type Undoable, UndoRestore } from './UndoRestore.tsx';

const MS_PER_TENTH = 100;
const TENTHS = 10;

interface RestoreResultProps {
  readonly restore: RestoreDetailDocument;
  readonly name: string;
  /** Why it was not done; null: it was. */
  readonly error: { readonly message: string; readonly hint: string; readonly code: string } | null;
}

/** What a restore (or an undo) did, that it is proven, and the way back. */
export function RestoreResult({ restore, name, error }: RestoreResultProps) {
  const t = useTranslations('restore');
  const { purpose, status, tables, verified } = restore;
  const sum = (kind: 'inserted' | 'updated' | 'deleted') => tables.reduce((total, table) => total + table[kind], 0);
  const counts = { inserted: sum('inserted'), updated: sum('updated'), deleted: sum('deleted') };
  const isDone = status === 'completed';
  const isUndo = purpose === 'undo';
  const Icon = isDone ? CircleCheckIcon : CircleXIcon;
  return (
    <>
      <section className="flex gap-4" aria-labelledby="result-title">
        <Icon
          className={cn('size-10 shrink-0', isDone ? 'text-success-foreground' : 'text-danger-foreground')}
          aria-hidden="true"
        />
        <div className="flex min-w-0 flex-col gap-1">
          <h1 id="result-title" className="text-2xl font-semibold tracking-tight">
            {t(isDone ? (isUndo ? 'result.undoTitle' : 'result.title') : 'result.failedTitle')}
            <span className="font-normal text-muted-foreground"> · {name}</span>
          </h1>
          {isDone ? (
            <p className="text-lg text-balance">
              {isUndo
                ? t('result.undoLead', { rows: counts.inserted + counts.updated + counts.deleted })
                : t('result.lead', counts)}
            </p>
          ) : null}
          {error === null ? null : (
            <>
              <p className="text-lg">{error.message}</p>
              <p className="text-muted-foreground">{error.hint}</p>
            </>
          )}
          {verified ? (
            <p className="flex items-start gap-2 text-success-foreground">
              <ShieldCheckIcon className="mt-1 size-4 shrink-0" aria-hidden="true" />
              {t('result.verified')}
            </p>
          ) : null}
        </div>
      </section>
      <Ways restore={restore} name={name} />
      {isDone && !isUndo ? <UndoRestore restore={undoable(restore)} /> : null}
      <ChangedTables tables={tables} />
      <Facts restore={restore} />
      {isUndo && restore.undoOf !== null ? (
        <Link
          className="text-primary underline underline-offset-4"
          href={restoreResultPath(restore.implementation, { backupId: restore.backupId, id: restore.undoOf })}
        >
          {t('result.undoOf')}
        </Link>
      ) : null}
    </>
  );
}

/** What the browser is sent: errors and the rest of the document stay here. */
function undoable({
  id,
  implementation,
  backupId,
  isUndoable,
  undoableUntil,
  undoneBy,
}: RestoreDetailDocument): Undoable {
  return { id, implementation, backupId, isUndoable, undoableUntil, undoneBy };
}

function Ways({ restore, name }: Pick<RestoreResultProps, 'restore' | 'name'>) {
  const t = useTranslations('restore');
  return (
    <div className="flex flex-wrap gap-2">
      <Button asChild size="lg">
        <Link href={implementationPath(restore.implementation)}>{t('toImplementation', { name })}</Link>
      </Button>
      <ShareLink />
      {(['text', 'json'] as const).map((format) => (
        <Button key={format} asChild size="lg" variant="outline">
          <a href={`${restoreResultPath(restore.implementation, restore)}/report?format=${format}`}>
            <DownloadIcon aria-hidden="true" />
            {t('result.report')} · {t(format === 'text' ? 'result.reportText' : 'result.reportJson')}
          </a>
        </Button>
      ))}
    </div>
  );
}

function Facts({ restore }: Pick<RestoreResultProps, 'restore'>) {
  const t = useTranslations('restore');
  return (
    <Card>
      <CardContent>
        <dl className="grid gap-x-6 gap-y-4 text-sm sm:grid-cols-4">
          <Fact name={t('result.when')}>
            <ExactTime at={restore.createdAt} />
          </Fact>
          <Fact name={t('result.by')}>{restore.createdBy ?? '–'}</Fact>
          <Fact name={t('result.took')}>
            {t('result.seconds', { seconds: Math.round(restore.durationMs / MS_PER_TENTH) / TENTHS })}
          </Fact>
          <Fact name={t('result.safety')}>
            {restore.safetyBackupId === null ? (
              t('result.noSafety')
            ) : (
              <code className="font-mono">{restore.safetyBackupId.slice(0, 8)}</code>
            )}
          </Fact>
        </dl>
      </CardContent>
    </Card>
  );
}

function ChangedTables({ tables }: Pick<RestoreDetailDocument, 'tables'>) {
  const t = useTranslations('restore.result');
  const format = useFormatter();
  const changed = tables.filter(({ inserted, updated, deleted }) => inserted + updated + deleted > 0);
  if (changed.length === 0) return null;
  const kinds = (['inserted', 'updated', 'deleted'] as const).filter((kind) =>
    changed.some((table) => table[kind] > 0),
  );
  return (
    <section className="flex flex-col gap-2">
      <h2 id="result-tables" className="font-semibold">
        {t('tables')}
      </h2>
      <div className="rounded-xl border bg-card">
        <Table aria-labelledby="result-tables">
          <TableHeader>
            <TableRow>
              <TableHead>{t('table')}</TableHead>
              {kinds.map((kind) => (
                <TableHead key={kind} className="text-right">
                  {t(kind)}
                </TableHead>
              ))}
            </TableRow>
          </TableHeader>
          <TableBody>
            {changed.map((table) => (
              <TableRow key={table.table}>
                <TableCell className="font-mono break-all">{tableLabel(table.table)}</TableCell>
                {kinds.map((kind) => (
                  <TableCell key={kind} className="text-right tabular-nums">
                    {format.number(table[kind])}
                  </TableCell>
                ))}
              </TableRow>
            ))}
          </TableBody>
        </Table>
      </div>
    </section>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-muted-foreground">{name}</dt>
      <dd className="break-words">{children}</dd>
    </div>
  );
}
