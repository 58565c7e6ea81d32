'use client';

import { CircleCheckIcon, InfoIcon, OctagonXIcon, TriangleAlertIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { type CSSProperties, useEffect } from 'react';
import { Toaster as Sonner, type ToasterProps, toast as sonner } from 'sonner';
import { takeToasts } from '../toast.ts';

export type { ToasterProps };

/** The library's own colours are black and white. */
const COLOURS = {
  '--normal-bg': 'var(--popover)',
  '--normal-text': 'var(--popover-foreground)',
  '--normal-border': 'var(--border)',
} as CSSProperties; // React's type knows no variables

const OFFSET = { top: '4.5rem' };

/** Fetched by `Toasts`, which stands in the root layout. Toasts are raised by `#components/toast.ts`, those of actions by `useAction`. */
export function Toaster(props: ToasterProps) {
  const t = useTranslations('common');
  // The library's own effects come first: it hears what was raised before it was there.
  useEffect(() => takeToasts(({ kind, message, options }) => sonner[kind](message, options)), []);
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
