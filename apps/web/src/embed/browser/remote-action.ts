'use client';

import type { ActionResult } from '@cofre/contracts';

/** One call of an action of the web admin, as the host's own action carries it. */
export interface CofreCall {
  readonly name: string;
  readonly input: unknown;
  readonly locale: string;
}

/** The action that the host wrote: `(call) => cofre.answer(call)`. */
export type CofreAction = (call: CofreCall) => Promise<ActionResult<unknown>>;

interface Answering {
  readonly action: CofreAction;
  readonly locale: string;
}

let answering: Answering | null = null;

/** Actions are imported by components and not handed to them, so who answers stands here. There is one browser for a window. */
export function answerBy(next: Answering): void {
  answering = next;
}

/** In the place of every server action: `script/build-packages` writes `remoteAction('listModuleBackups')` for what is imported. */
export function remoteAction(name: string): (input?: unknown) => ReturnType<CofreAction> {
  return (input) => {
    if (answering === null) throw new Error('There is no <CofreProvider> around this component.');
    const { action, locale } = answering;
    return action({ name, input, locale });
  };
}
