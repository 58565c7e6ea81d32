'use client';

import { CheckIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { cn } from '#lib/cn.ts';
import { RESTORE_STEPS, type RestoreStep } from './restore-address.ts';

interface StepListProps {
  readonly current: RestoreStep;
  /** Back to a step that was done; absent: there is no way back now. */
  readonly onStep?: ((step: RestoreStep) => void) | undefined;
}

/** The four steps, which of them is now, and which are done. */
export function StepList({ current, onStep }: StepListProps) {
  const t = useTranslations('restore.steps');
  const now = RESTORE_STEPS.indexOf(current);
  return (
    <nav aria-label={t('label')}>
      <ol className="grid grid-cols-4 gap-2">
        {RESTORE_STEPS.map((step, index) => {
          const isDone = index < now;
          const face = (
            <StepFace number={index + 1} name={t(step)} state={isDone ? 'done' : index === now ? 'now' : 'next'} />
          );
          return (
            <li key={step} aria-current={index === now ? 'step' : undefined}>
              {isDone && onStep !== undefined ? (
                <button
                  type="button"
                  className="group w-full cursor-pointer rounded-md text-left"
                  onClick={() => onStep(step)}
                >
                  {face}
                  <span className="sr-only">{t('done')}</span>
                </button>
              ) : (
                face
              )}
            </li>
          );
        })}
      </ol>
    </nav>
  );
}

interface StepFaceProps {
  readonly number: number;
  readonly name: string;
  readonly state: 'done' | 'now' | 'next';
}

function StepFace({ number, name, state }: StepFaceProps) {
  return (
    <span
      className={cn(
        'flex min-h-11 flex-col gap-1.5 border-t-4 pt-2 text-sm sm:flex-row sm:items-center sm:gap-2',
        state === 'next' ? 'border-border text-muted-foreground' : 'border-primary',
        state === 'now' && 'font-semibold',
      )}
    >
      <span
        className={cn(
          'inline-flex size-6 shrink-0 items-center justify-center rounded-full border text-xs tabular-nums',
          state === 'done' && 'border-primary bg-primary text-primary-foreground',
          state === 'now' && 'border-primary text-primary',
        )}
      >
        {state === 'done' ? <CheckIcon className="size-3.5" aria-hidden="true" /> : number}
      </span>
      <span className="group-hover:underline">{name}</span>
    </span>
  );
}
