'use client';

import { CircleCheckIcon, InfoIcon, OctagonXIcon, TriangleAlertIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import type { CSSProperties } from 'react';
import { Toaster as Sonner, type ToasterProps } from 'sonner';

/** The library's own colours are black and white. */
const COLOURS = {
  '--normal-bg': 'var(--popover)',
  '--normal-text': 'var(--popover-foreground)',
  '--normal-border': 'var(--border)',
} as CSSProperties; // React's type knows no variables

const OFFSET = { top: '4.5rem' };

/** Stands once in the root layout. Toasts are raised by `toast` of sonner, and those of actions by `useAction`. */
export function Toaster(props: ToasterProps) {
  const t = useTranslations('common');
  return (
    <Sonner
      containerAriaLabel={t('notifications')}
      closeButton
      // Below the header; at the bottom stands what goes on.
      position="top-right"
      offset={OFFSET}
      mobileOffset={OFFSET}
      icons={{
        success: <CircleCheckIcon className="size-4" aria-hidden="true" />,
        info: <InfoIcon className="size-4" aria-hidden="true" />,
        warning: <TriangleAlertIcon className="size-4" aria-hidden="true" />,
        error: <OctagonXIcon className="size-4" aria-hidden="true" />,
      }}
      toastOptions={{ closeButtonAriaLabel: t('close') }}
      style={COLOURS}
      {...props}
    />
  );
}
