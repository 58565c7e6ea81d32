import type { BackupStatus } from '@cofre/contracts';
import { BanIcon, CircleCheckIcon, ClockIcon, LoaderIcon, OctagonXIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { Badge } from '#components/ui/badge.tsx';

const LOOKS = {
  completed: { variant: 'success', Icon: CircleCheckIcon },
  pending: { variant: 'outline', Icon: ClockIcon },
  running: { variant: 'info', Icon: LoaderIcon },
  failed: { variant: 'danger', Icon: OctagonXIcon },
  canceled: { variant: 'outline', Icon: BanIcon },
} as const satisfies Record<BackupStatus, unknown>;

export function StatusBadge({ status }: { readonly status: BackupStatus }) {
  const t = useTranslations('backups');
  const { variant, Icon } = LOOKS[status];
  return (
    <Badge variant={variant}>
      <Icon aria-hidden="true" />
      {t(`statuses.${status}`)}
    </Badge>
  );
}
