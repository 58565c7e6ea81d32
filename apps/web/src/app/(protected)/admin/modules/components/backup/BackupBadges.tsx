'use client';

import type { BackupDocument } from '@cofre/contracts';
import {
  FileStackIcon,
  HourglassIcon,
  LayersIcon,
  LockIcon,
  PlusIcon,
  ShieldCheckIcon,
  SlidersHorizontalIcon,
  TimerOffIcon,
  UndoDotIcon,
  BadgeCheckIcon,
} from 'lucide-react';
import { useTranslations } from 'next-intl';
import { RelativeTime, useExactTime } from '#components/date-time.tsx';
import { Badge } from '#components/ui/badge.tsx';
import { useMoment } from '#components/use-moment.ts';
import { expiryState } from '#lib/expiry.ts';
import { StatusBadge } from './StatusBadge.tsx';

const TYPE_ICONS = {
  full: LayersIcon,
  incremental: PlusIcon,
  differential: FileStackIcon,
  config_only: SlidersHorizontalIcon,
} as const satisfies Record<BackupDocument['type'], unknown>;

/** What there is to know of a backup at a glance; each with its shape and its words. */
export function BackupBadges({ backup }: { readonly backup: BackupDocument }) {
  const t = useTranslations('backups');
  const exact = useExactTime();
  const { type, status, origin, held, verifiedAt, provenAt } = backup;
  const TypeIcon = TYPE_ICONS[type];
  return (
    <>
      <Badge variant="secondary">
        <TypeIcon aria-hidden="true" />
        {t(`types.${type}`)}
      </Badge>
      {status === 'completed' ? null : <StatusBadge status={status} />}
      {origin === 'safety' ? (
        <Badge variant="outline">
          <UndoDotIcon aria-hidden="true" />
          {t('beforeRestore')}
        </Badge>
      ) : null}
      {held ? (
        <Badge variant="info">
          <LockIcon aria-hidden="true" />
          {t('held')}
        </Badge>
      ) : null}
      {provenAt !== null ? (
        <Badge variant="success" title={exact(provenAt)}>
          <BadgeCheckIcon aria-hidden="true" />
          {t('proven')}
        </Badge>
      ) : verifiedAt !== null ? (
        <Badge variant="success" title={exact(verifiedAt)}>
          <ShieldCheckIcon aria-hidden="true" />
          {t('verified')}
        </Badge>
      ) : null}
      <ExpiryBadge backup={backup} />
    </>
  );
}

/** Only where the end is near or past: the rest is said in words below. */
function ExpiryBadge({ backup: { expiresAt, held } }: { readonly backup: BackupDocument }) {
  const t = useTranslations('backups');
  const now = useMoment();
  if (expiresAt === null || held) return null;
  switch (expiryState(expiresAt, now)) {
    case 'expired':
      return (
        <Badge variant="danger">
          <TimerOffIcon aria-hidden="true" />
          {t('expired')}
        </Badge>
      );
    case 'soon':
      return (
        <Badge variant="warning">
          <HourglassIcon aria-hidden="true" />
          {t('expiresSoon')}
        </Badge>
      );
    case 'later':
      return null;
  }
}

/** When it ends, or why it does not. */
export function ExpiryWords({ backup }: { readonly backup: BackupDocument }) {
  const t = useTranslations('backups');
  const now = useMoment();
  const { expiresAt, held, keptBecause } = backup;
  if (held) return t('keptWhileHeld');
  if (expiresAt === null) return t('neverExpires');
  const when = () => <RelativeTime at={expiresAt} />;
  if (expiryState(expiresAt, now) !== 'expired') return t.rich('expiresAt', { when });
  const reason = KEPT_REASONS.find((it) => it === keptBecause);
  return (
    <>
      {t.rich('expiredAt', { when })}
      {reason === undefined ? null : <>; {t('keptBecause', { reason: t(`keptReasons.${reason}`) })}</>}
    </>
  );
}

const KEPT_REASONS = [
  'held',
  'implementation-held',
  'minimum',
  'keep-last',
  'not-expired',
  'orphan-grace',
  'no-rule',
] as const;
