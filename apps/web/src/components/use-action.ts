'use client';

import type { ActionResult } from '@cofre/contracts';
import { useTranslations } from 'next-intl';
import { useTransition } from 'react';
import { signInPath } from '#lib/way-back.ts';
import { NOT_SIGNED_IN } from './sign-in-again.tsx';
import { toast } from './toast.ts';

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
    const description = [hint, t('code', { code })].filter(Boolean).join(' ');
    if (code === NOT_SIGNED_IN) {
      // It stays until it is answered: nothing on the page works any more.
      const action = { label: t('signIn'), onClick: signInAgain };
      toast.error(message, { description, duration: Number.POSITIVE_INFINITY, action });
    } else toast.error(message, { description });
  };
}

function signInAgain(): void {
  const { pathname, search } = window.location;
  window.location.assign(signInPath(`${pathname}${search}`));
}
