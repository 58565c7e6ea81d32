'use client';

import { useTranslations } from 'next-intl';
import { Button } from '#components/ui/button.tsx';
import { RadioGroup } from '#components/ui/radio-group.tsx';
import { ChoiceCard } from './ChoiceCard.tsx';
import { StepFrame } from './StepFrame.tsx';
import type { StepProps } from './step-props.ts';

/** The second step: what happens to work that was done after the backup. */
export function HowStep({ way, heading }: StepProps) {
  const t = useTranslations('restore');
  return (
    <StepFrame
      title={t('how.title')}
      lead={t('how.lead')}
      heading={heading}
      ways={
        <>
          <Button size="lg" variant="outline" onClick={() => way.go({ step: 'what' })}>
            {t('back')}
          </Button>
          <Button size="lg" onClick={() => way.go({ step: 'preview' })}>
            {t('continue')}
          </Button>
        </>
      }
    >
      <RadioGroup aria-labelledby="restore-step" value="merge">
        <ChoiceCard value="merge" name={t('how.merge')} hint={t('how.mergeHint')} badge={t('how.recommended')} />
        <ChoiceCard value="missing" name={t('how.missing')} hint={t('how.missingHint')} badge={t('later')} isLater />
        <ChoiceCard value="exact" name={t('how.exact')} hint={t('how.exactHint')} badge={t('later')} isLater />
      </RadioGroup>
    </StepFrame>
  );
}
