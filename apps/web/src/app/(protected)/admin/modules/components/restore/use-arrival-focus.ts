'use client';

import { type RefCallback, useCallback, useRef } from 'react';

/**
 * Moves the keyboard and the reader to the heading of a step when it has come; not when the page was just opened. A heading
 * that is replaced while it has the focus hands it on.
 */
export function useArrivalFocus(step: string): RefCallback<HTMLHeadingElement> {
  const arrived = useRef(step);
  return useCallback(
    (heading: HTMLHeadingElement) => {
      if (arrived.current !== step) {
        arrived.current = step;
        window.scrollTo({ top: 0 });
        heading.focus({ preventScroll: true });
      }
      return () => {
        if (document.activeElement === heading) arrived.current = '';
      };
    },
    [step],
  );
}
