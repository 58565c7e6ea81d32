'use client';

import type { DemoDamageDocument, ImplementationDocument } from '@cofre/contracts';
import { FlaskConicalIcon, LifeBuoyIcon } from 'lucide-react';
import Link from 'next/link';
import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { damageModuleDemo } from '#app/actions/demo.ts';
import { Alert, AlertDescription, AlertTitle } from '#components/ui/alert.tsx';
import { Button } from '#components/ui/button.tsx';
import { useAction } from '#components/use-action.ts';
import { implementationPath } from '#lib/paths.ts';

interface DemoStripProps {
  /** What is damaged. */
  readonly implementation: Pick<ImplementationDocument, 'module' | 'key' | 'name'>;
}

/** In a demonstration only: damages something, and leads to where it is put right. */
export function DemoStrip({ implementation }: DemoStripProps) {
  const t = useTranslations('demo');
  const [damage, setDamage] = useState<DemoDamageDocument | null>(null);
  const act = useAction(damageModuleDemo, { onSuccess: setDamage });
  const { name } = implementation;
  const isHit = damage !== null;
  return (
    <Alert variant={isHit ? 'warning' : 'info'} role="note">
      <FlaskConicalIcon aria-hidden="true" />
      <AlertTitle>{t(isHit ? 'damagedTitle' : 'title', { name })}</AlertTitle>
      <AlertDescription>
        <p role="status">{damage === null ? t('lead', { name }) : <DamageWords damage={damage} />}</p>
        <div className="mt-2 flex flex-wrap gap-2">
          {isHit ? (
            <Button size="sm" asChild>
              <Link href={`${implementationPath(implementation)}/something-went-wrong`}>
                <LifeBuoyIcon aria-hidden="true" />
                {t('mend')}
              </Link>
            </Button>
          ) : (
            <Button
              size="sm"
              variant="outline"
              disabled={act.isPending}
              aria-busy={act.isPending}
              onClick={() => act.run({})}
            >
              {t(act.isPending ? 'busy' : 'damage', { name })}
            </Button>
          )}
        </div>
      </AlertDescription>
    </Alert>
  );
}

function DamageWords({ damage }: { readonly damage: DemoDamageDocument }) {
  const t = useTranslations('demo');
  const { pricesChanged, productsDeleted, childrenDeleted, settingsBroken } = damage;
  const isNew = pricesChanged + productsDeleted + settingsBroken > 0;
  return isNew ? t('damaged', { pricesChanged, productsDeleted, childrenDeleted, settingsBroken }) : t('already');
}
