import { VaultIcon } from 'lucide-react';
import { getTranslations } from 'next-intl/server';
import type { ReactNode } from 'react';
import { Card, CardContent, CardDescription, CardHeader } from './ui/card.tsx';

interface DoorProps {
  readonly title: string;
  readonly description: string;
  readonly corner: ReactNode;
  readonly children: ReactNode;
}

/** The page before one is inside: one card in the middle. */
export async function Door({ title, description, corner, children }: DoorProps) {
  const t = await getTranslations('common');
  return (
    <div className="flex min-h-dvh flex-col">
      <header className="flex justify-end p-3">{corner}</header>
      <main className="flex flex-1 flex-col items-center justify-center gap-6 px-4 pb-24">
        <div className="flex items-center gap-2 text-lg font-semibold">
          <VaultIcon className="size-6 text-primary" aria-hidden="true" />
          {t('product')}
        </div>
        <Card className="w-full max-w-sm">
          <CardHeader>
            <h1 className="text-lg leading-snug font-semibold">{title}</h1>
            <CardDescription>{description}</CardDescription>
          </CardHeader>
          <CardContent>{children}</CardContent>
        </Card>
      </main>
    </div>
  );
}
