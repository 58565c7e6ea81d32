'use client';

import { useRouter } from 'next/navigation';
import { useTranslations } from 'next-intl';
import { useId, useOptimistic, useTransition } from 'react';
import { Label } from '#components/ui/label.tsx';
import { NativeSelect, NativeSelectOption } from '#components/ui/native-select.tsx';

interface ChooseOtherProps {
  readonly path: string;
  readonly chosen: string;
  readonly others: readonly { readonly id: string; readonly name: string }[];
}

/** What a backup is compared with: the data as it is now, or another backup. */
export function ChooseOther({ path, chosen, others }: ChooseOtherProps) {
  const t = useTranslations('compare');
  const router = useRouter();
  const id = useId();
  const [isPending, startTransition] = useTransition();
  // Arrow keys choose one after the other: the list does not wait for the page, and back leads to where one came from.
  const [shown, show] = useOptimistic(chosen);
  const choose = (other: string) =>
    startTransition(() => {
      show(other);
      router.replace(`${path}&${new URLSearchParams({ with: other })}`, { scroll: false });
    });
  return (
    <div className="flex max-w-md flex-col gap-1.5">
      <Label htmlFor={id}>{t('with')}</Label>
      <NativeSelect id={id} value={shown} aria-busy={isPending} onChange={({ target }) => choose(target.value)}>
        <NativeSelectOption value="live">{t('live')}</NativeSelectOption>
        {others.map((other) => (
          <NativeSelectOption key={other.id} value={other.id}>
            {other.name}
          </NativeSelectOption>
        ))}
      </NativeSelect>
    </div>
  );
}
