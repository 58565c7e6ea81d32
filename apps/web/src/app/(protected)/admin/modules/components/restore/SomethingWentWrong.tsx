'use client';

import type { ImplementationRef } from '@cofre/contracts';
import { useSearchParams } from 'next/navigation';
import { ProposedBackup } from './ProposedBackup.tsx';
import { StillChanging } from './StillChanging.tsx';
import { useArrivalFocus } from './use-arrival-focus.ts';
import { WhenQuestion } from './WhenQuestion.tsx';

interface SomethingWentWrongProps {
  readonly implementation: ImplementationRef;
}

/** Asks when it happened, then proposes the backup to go back to. The time stands in the address. */
export function SomethingWentWrong({ implementation }: SomethingWentWrongProps) {
  const search = useSearchParams();
  const asked = search.get('at');
  const at = asked !== null && !Number.isNaN(Date.parse(asked)) ? new Date(asked).toISOString() : null;
  const heading = useArrivalFocus(at ?? 'when');
  const go = (next: string | null) =>
    window.history.pushState(null, '', next === null ? window.location.pathname : `?at=${encodeURIComponent(next)}`);
  return (
    <>
      {at === null ? (
        <WhenQuestion heading={heading} onAnswer={go} />
      ) : (
        <ProposedBackup key={at} implementation={implementation} at={at} heading={heading} onTime={go} />
      )}
      {/* Last, because it comes late: nothing may move away from under a finger. */}
      <StillChanging implementation={implementation.id} />
    </>
  );
}
