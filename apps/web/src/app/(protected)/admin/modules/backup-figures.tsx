import type { StatisticsDocument } from '@cofre/contracts';
import { type ServiceContext, showStatistics } from '@cofre/services';
import { DatabaseIcon, LayersIcon, PercentIcon, UndoDotIcon } from 'lucide-react';
import { useFormatter, useTranslations } from 'next-intl';
import type { ComponentType, ReactNode } from 'react';
import { ByteSize } from '#components/byte-size.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';

/** What is kept and how well it goes, over everything, in four figures. */
export async function BackupFigures({ service }: { readonly service: ServiceContext }) {
  return <Figures statistics={await showStatistics(service, { top: 0 })} />;
}

const TYPES = ['full', 'incremental', 'differential', 'config_only'] as const;

function Figures({ statistics: { backups, period } }: { readonly statistics: StatisticsDocument }) {
  const t = useTranslations('figures');
  const names = useTranslations('backups.types');
  const format = useFormatter();
  const used = TYPES.flatMap((type) => {
    const count = backups.byType[type] ?? 0;
    return count === 0 ? [] : [t('typeCount', { type: names(type), count })];
  });
  const { successRate, completed, failed } = period.backups;
  const rate =
    successRate === null ? t('none') : format.number(successRate, { style: 'percent', maximumFractionDigits: 1 });
  return (
    <dl className="grid grid-cols-2 gap-3 lg:grid-cols-4 lg:gap-4">
      <Figure Icon={DatabaseIcon} name={t('stored')} note={t('raw', { backups: backups.byStatus.completed ?? 0 })}>
        <ByteSize bytes={backups.bytesStored} />
      </Figure>
      <Figure Icon={LayersIcon} name={t('types')} note={used.length === 0 ? t('none') : format.list(used)}>
        {format.number(used.length)}
      </Figure>
      <Figure Icon={UndoDotIcon} name={t('restores')} note={t('restoresNote', { failed: period.restores.failed })}>
        {format.number(period.restores.done)}
      </Figure>
      <Figure
        Icon={PercentIcon}
        name={t('successRate')}
        note={t('successNote', { completed, all: completed + failed })}
      >
        {rate}
      </Figure>
    </dl>
  );
}

interface FigureProps {
  readonly Icon: ComponentType<{ className?: string }>;
  readonly name: string;
  readonly note: string;
  readonly children: ReactNode;
}

function Figure({ Icon, name, note, children }: FigureProps) {
  return (
    <div className="flex min-h-28 flex-col gap-1 rounded-xl border bg-card p-4 shadow-xs">
      <dt className="flex items-center justify-between gap-2 text-sm text-muted-foreground">
        {name}
        <Icon className="size-4 shrink-0" />
      </dt>
      <dd className="text-2xl font-semibold tracking-tight tabular-nums">{children}</dd>
      <dd className="line-clamp-2 text-xs text-muted-foreground">{note}</dd>
    </div>
  );
}

export function BackupFiguresSkeleton() {
  const t = useTranslations('common');
  return (
    <div className="grid grid-cols-2 gap-3 lg:grid-cols-4 lg:gap-4" role="status" aria-label={t('loading')}>
      {['a', 'b', 'c', 'd'].map((it) => (
        <Skeleton key={it} className="h-28 rounded-xl" />
      ))}
    </div>
  );
}
