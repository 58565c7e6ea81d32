'use client';

import { LinkIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { toast } from '#components/toast.ts';
import { Button } from '#components/ui/button.tsx';

/** Copies the address of the page, to be sent to whoever may see it, too. */
export function ShareLink() {
  const t = useTranslations('restore.result');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(window.location.href.split('?')[0] ?? '');
      toast.success(t('shared'));
    } catch {
      toast.error(t('shareFailed'), { description: t('shareFailedHint') });
    }
  };
  return (
    <Button size="lg" variant="outline" onClick={() => void copy()}>
      <LinkIcon aria-hidden="true" />
      {t('share')}
    </Button>
  );
}
