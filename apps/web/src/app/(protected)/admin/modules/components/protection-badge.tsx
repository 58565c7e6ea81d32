import { CircleDashedIcon, ClockAlertIcon, OctagonXIcon, ShieldCheckIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { Badge } from '#components/ui/badge.tsx';
import type { Protection } from '#lib/protection.ts';

const LOOKS = {
  protected: { variant: 'success', Icon: ShieldCheckIcon },
  overdue: { variant: 'warning', Icon: ClockAlertIcon },
  failing: { variant: 'danger', Icon: OctagonXIcon },
  never: { variant: 'outline', Icon: CircleDashedIcon },
} as const;

export function ProtectionBadge({ state }: { readonly state: Protection }) {
  const t = useTranslations('protection');
  const { variant, Icon } = LOOKS[state];
  return (
    <Badge variant={variant}>
      <Icon aria-hidden="true" />
      {t(state)}
    </Badge>
  );
}
