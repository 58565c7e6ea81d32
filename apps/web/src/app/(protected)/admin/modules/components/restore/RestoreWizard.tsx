'use client';

import { ConfirmStep } from './ConfirmStep.tsx';
import { HowStep } from './HowStep.tsx';
import { PreviewStep } from './PreviewStep.tsx';
import { RunStep } from './RunStep.tsx';
import { useRestoreWay } from './use-restore-way.ts';
import { StepList } from './StepList.tsx';
import type { RestoredBackup, StepProps } from './step-props.ts';
import { useArrivalFocus } from './use-arrival-focus.ts';
import { WhatStep } from './WhatStep.tsx';

interface RestoreWizardProps {
  readonly backup: RestoredBackup;
  readonly name: string;
  readonly safetyDays: number;
}

/** A restore in four steps, of which the address says everything. */
export function RestoreWizard({ backup, name, safetyDays }: RestoreWizardProps) {
  const way = useRestoreWay();
  const { step } = way.address;
  const heading = useArrivalFocus(step);
  const props: StepProps = { backup, name, way, heading };
  const isRunning = step === 'run';
  return (
    <div className="flex flex-col gap-6">
      <StepList
        current={isRunning ? 'confirm' : step}
        onStep={isRunning ? undefined : (to) => way.go({ step: to, open: null })}
      />
      {step === 'what' ? <WhatStep {...props} /> : null}
      {step === 'how' ? <HowStep {...props} /> : null}
      {step === 'preview' ? <PreviewStep {...props} /> : null}
      {step === 'confirm' ? <ConfirmStep {...props} safetyDays={safetyDays} /> : null}
      {isRunning ? <RunStep {...props} /> : null}
    </div>
  );
}
