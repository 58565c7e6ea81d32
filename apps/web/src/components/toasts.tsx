'use client';

import { type ComponentType, useEffect, useState } from 'react';
import { onToast, takeToasts, type Toast } from './toast.ts';
import type { ToasterProps } from './ui/sonner.tsx';

const fetchToaster = () => import('./ui/sonner.tsx');

/** Whoever does one of these may do something next that is answered by a toast. */
const SIGNS_OF_LIFE = ['pointermove', 'pointerdown', 'keydown'] as const;

/**
 * Stands once in the root layout and shows what `toast` raises. What draws toasts is fetched with the first sign of life, so
 * that no page waits for it, and a word that nobody answers any more is still shown.
 */
export function Toasts(props: ToasterProps) {
  const [Toaster, setToaster] = useState<ComponentType<ToasterProps> | null>(null);
  const [plain, setPlain] = useState<readonly Toast[]>([]);
  useEffect(() => {
    const fetched = () => fetchToaster().then((it) => setToaster(() => it.Toaster));
    // Where it cannot be had now, it can be when it is needed.
    const early = () => {
      forget();
      void fetched().catch(() => undefined);
    };
    const forget = () => {
      for (const sign of SIGNS_OF_LIFE) window.removeEventListener(sign, early);
    };
    for (const sign of SIGNS_OF_LIFE) window.addEventListener(sign, early, { passive: true });
    const deaf = onToast(
      () => void fetched().catch(() => takeToasts((toast) => setPlain((before) => [...before, toast]))),
    );
    return () => {
      forget();
      deaf();
    };
  }, []);
  if (Toaster !== null) return <Toaster {...props} />;
  if (plain.length === 0) return null;
  return (
    <div
      role="alert"
      className="fixed top-18 right-4 left-4 z-50 flex flex-col gap-3 rounded-lg border bg-popover p-4 text-sm text-popover-foreground shadow-lg sm:left-auto sm:w-80"
    >
      {plain.map(({ message, options: { description } }, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- they are only ever added
        <div key={index}>
          <p className="font-medium">{message}</p>
          {typeof description === 'string' ? <p className="text-muted-foreground">{description}</p> : null}
        </div>
      ))}
    </div>
  );
}
