'use client';

import type { ReactNode, RefCallback } from 'react';

interface StepFrameProps {
  readonly title: string;
  readonly lead?: string | undefined;
  readonly heading: RefCallback<HTMLHeadingElement>;
  readonly children: ReactNode;
  /** Ways on and back. */
  readonly ways?: ReactNode;
}

/** What every step looks like: its heading, which takes the focus when the step comes, and its ways at the end. */
export function StepFrame({ title, lead, heading, children, ways }: StepFrameProps) {
  return (
    <section className="flex flex-col gap-5" aria-labelledby="restore-step">
      <div className="flex flex-col gap-1">
        <h2
          id="restore-step"
          ref={heading}
          tabIndex={-1}
          className="text-xl font-semibold tracking-tight text-balance outline-none"
        >
          {title}
        </h2>
        {lead === undefined ? null : <p className="max-w-prose text-muted-foreground">{lead}</p>}
      </div>
      {children}
      {ways === undefined ? null : (
        <div className="flex flex-col-reverse gap-2 border-t pt-5 sm:flex-row sm:justify-between">{ways}</div>
      )}
    </section>
  );
}
