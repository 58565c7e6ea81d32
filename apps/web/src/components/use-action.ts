'use client';

import type { ActionResult } from '@cofre/contracts';
import { useTranslations } from 'next-intl';
import { useTransition } from 'react';
import { toast } from 'sonner';

interface ActionOptions<Data> {
  readonly onSuccess?: (data: Data) => void;
}

/**
 * Calls a server action and says by a toast what went wrong, with what to do and the code. While it runs the second call of
 * a double click is left out.
 */
export function useAction<Input, Data>(
  action: (input: Input) => Promise<ActionResult<Data>>,
  { onSuccess }: ActionOptions<Data> = {},
): { readonly run: (input: Input) => void; readonly isPending: boolean } {
  const showError = useErrorToast();
  const t = useTranslations('common');
  const [isPending, startTransition] = useTransition();
  const run = (input: Input) => {
    if (isPending) return;
    startTransition(async () => {
      let result: ActionResult<Data>;
      try {
        result = await action(input);
      } catch {
        // Only the network, or a server that was replaced meanwhile, gets here: actions themselves throw nothing.
        toast.error(t('unreachable'), { description: t('unreachableHint') });
        return;
      }
      if (result.success) onSuccess?.(result.data);
      else showError(result.error);
    });
  };
  return { run, isPending };
}

type ActionError = Extract<ActionResult<never>, { success: false }>['error'];

export function useErrorToast(): (error: ActionError) => void {
  const t = useTranslations('common');
  return ({ code, message, hint }) => {
    toast.error(message, { description: [hint, t('code', { code })].filter(Boolean).join(' ') });
  };
}
