'use client';

import { useRouter } from 'next/navigation';
import { useTranslations } from 'next-intl';
import { useId, useTransition } from 'react';
import { Label } from '#components/ui/label.tsx';
import { Select, SelectContent, SelectItem, SelectTrigger, SelectValue } from '#components/ui/select.tsx';

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
  const choose = (other: string) =>
    startTransition(() => router.push(`${path}&${new URLSearchParams({ with: other })}`, { scroll: false }));
  return (
    <div className="flex max-w-md flex-col gap-1.5">
      <Label htmlFor={id}>{t('with')}</Label>
      <Select value={chosen} onValueChange={choose}>
        <SelectTrigger id={id} aria-busy={isPending}>
          <SelectValue />
        </SelectTrigger>
        <SelectContent>
          <SelectItem value="live">{t('live')}</SelectItem>
          {others.map((other) => (
            <SelectItem key={other.id} value={other.id}>
              {other.name}
            </SelectItem>
          ))}
        </SelectContent>
      </Select>
    </div>
  );
}
