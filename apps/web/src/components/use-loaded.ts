'use client';

import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { toast } from './toast.ts';

interface Loaded<Module> {
  /** null: it is not there yet. */
  readonly loaded: Module | null;
  /** It may be needed soon: somebody points at what needs it. */
  readonly prepare: () => void;
  /** It is needed now. Where it cannot be had a toast says so. */
  readonly need: () => void;
}

/** Code that a page is drawn without, and that is fetched when somebody is about to use it. */
export function useLoaded<Module>(load: () => Promise<Module>): Loaded<Module> {
  const t = useTranslations('common');
  const [loaded, setLoaded] = useState<Module | null>(null);
  const fetchIt = (onFailure: () => void) => {
    if (loaded === null) load().then((module) => setLoaded(() => module), onFailure);
  };
  return {
    loaded,
    prepare: () => fetchIt(() => undefined),
    need: () => fetchIt(() => toast.error(t('unreachable'), { description: t('unreachableHint') })),
  };
}
