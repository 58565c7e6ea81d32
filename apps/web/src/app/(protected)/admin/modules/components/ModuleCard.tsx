'use client';

import type { ImplementationDocument, JobDocument, ModuleDocument } from '@cofre/contracts';
import { LoaderIcon } from 'lucide-react';
import Link from 'next/link';
import { useTranslations } from 'next-intl';
import { RelativeTime } from '#components/date-time.tsx';
import { Badge } from '#components/ui/badge.tsx';
import { Card, CardContent, CardDescription, CardHeader, CardTitle } from '#components/ui/card.tsx';
import { Checkbox } from '#components/ui/checkbox.tsx';
import { implementationPath } from '#lib/paths.ts';
import { protectionOf } from '#lib/protection.ts';
import { ProtectionBadge } from './protection-badge.tsx';

interface Selection {
  readonly selected: ReadonlySet<string>;
  readonly onChange: (selected: ReadonlySet<string>) => void;
}

interface ModuleCardProps {
  readonly module: ModuleDocument;
  readonly implementations: readonly ImplementationDocument[];
  /** What runs now, by implementation. */
  readonly jobs: ReadonlyMap<string, JobDocument>;
  /** null: who looks may not back anything up. */
  readonly selection: Selection | null;
}

export function ModuleCard({ module, implementations, jobs, selection }: ModuleCardProps) {
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
          <ul className="divide-y border-t">
            {implementations.map((implementation) => (
              <ImplementationLine
                key={implementation.id}
                implementation={implementation}
                job={jobs.get(implementation.id)}
                selection={selection}
              />
            ))}
          </ul>
        )}
      </CardContent>
    </Card>
  );
}

interface ImplementationLineProps {
  readonly implementation: ImplementationDocument;
  readonly job: JobDocument | undefined;
  readonly selection: Selection | null;
}

function ImplementationLine({ implementation, job, selection }: ImplementationLineProps) {
  const t = useTranslations('modules');
  const { id, name, tenants, rows } = implementation;
  return (
    <li className="flex items-start gap-3 py-3 last:pb-0">
      {selection === null ? null : (
        // The whole field around the box can be pressed.
        <label className="-m-2 flex shrink-0 cursor-pointer p-2.5" htmlFor={`select-${id}`}>
          <Checkbox
            id={`select-${id}`}
            aria-label={t('select', { name })}
            checked={selection.selected.has(id)}
            onCheckedChange={() => selection.onChange(toggled(selection.selected, id))}
          />
        </label>
      )}
      <div className="flex min-w-0 flex-1 flex-wrap items-start justify-between gap-x-4 gap-y-2">
        <div className="min-w-0">
          <Link
            href={implementationPath(implementation)}
            // Of a list few are opened, and each would be asked for as soon as it is seen.
            prefetch={false}
            className="font-medium break-words underline-offset-4 hover:underline"
          >
            {name}
          </Link>
          <p className="text-sm text-muted-foreground tabular-nums">
            {t('tenants', { count: tenants })}
            {rows === null ? null : <> · {t('rows', { count: rows })}</>}
          </p>
          <Moments implementation={implementation} />
        </div>
        <div className="flex flex-wrap items-center gap-2">
          {job === undefined ? null : <RunningBadge job={job} />}
          <ProtectionBadge state={protectionOf(implementation)} />
        </div>
      </div>
    </li>
  );
}

function Moments({ implementation }: { readonly implementation: ImplementationDocument }) {
  const t = useTranslations('modules');
  const { lastBackupAt, lastProvenAt } = implementation;
  if (lastBackupAt === null) return <p className="text-sm text-muted-foreground">{t('neverBackedUp')}</p>;
  return (
    <p className="text-sm text-muted-foreground">
      {t.rich('lastBackup', { when: () => <RelativeTime at={lastBackupAt} /> })} ·{' '}
      {lastProvenAt === null
        ? t('neverProven')
        : t.rich('lastProven', { when: () => <RelativeTime at={lastProvenAt} /> })}
    </p>
  );
}

function RunningBadge({ job }: { readonly job: JobDocument }) {
  const t = useTranslations('jobs');
  const { kind, progress, state } = job;
  const total = progress?.rowsTotal ?? null;
  const part = progress === null || total === null || total === 0 ? null : Math.min(1, progress.rows / total);
  return (
    <Badge variant="info" className="tabular-nums">
      <LoaderIcon className="animate-spin motion-reduce:animate-none" aria-hidden="true" />
      {state === 'running' && part !== null ? t('short', { kind: t(`kinds.${kind}`), part }) : t(`kinds.${kind}`)}
    </Badge>
  );
}

function toggled(selected: ReadonlySet<string>, id: string): ReadonlySet<string> {
  return selected.has(id) ? new Set([...selected].filter((it) => it !== id)) : new Set([...selected, id]);
}
