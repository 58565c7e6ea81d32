'use server';

import { type ActionResult, CofreError, PASSWORD_LENGTH_MAX, succeeded } from '@cofre/contracts';
import { logSignInRefusal, NOBODY } from '@cofre/services';
import { redirect, unstable_rethrow } from 'next/navigation';
import { z } from 'zod';
import { compose } from '#server/compose.ts';
import { wayBack } from '#lib/way-back.ts';
import { askedFrom, isFromOurPages } from '#server/request-facts.ts';
import { failedWith } from '#server/run-action.ts';
import type { Sessions } from '#server/sessions.ts';

/** What the form shows after an attempt; null: nothing was tried yet. */
export type SessionState = ActionResult<null> | null;

const signInForm = z.object({ email: z.email().max(320), password: z.string().min(1).max(PASSWORD_LENGTH_MAX) });

export async function signIn(_before: SessionState, form: FormData): Promise<SessionState> {
  const parsed = signInForm.safeParse(Object.fromEntries(form));
  const refused = new CofreError('access/sign-in-refused', 'What was typed is no address and password.');
  const state = await attempt((sessions) => (parsed.success ? sessions.signIn(parsed.data) : Promise.reject(refused)));
  if (state.success) redirect(wayBack(form.get('to')));
  return logged(parsed.data?.email ?? '', state);
}

type Refused = Extract<ActionResult<null>, { success: false }>;

/** Who was refused is in the log; where nobody could be asked there is nobody to refuse. */
async function logged(email: string, refused: Refused): Promise<ActionResult<null>> {
  const { code } = refused.error;
  if (!code.startsWith('access/') || code === 'access/sign-in-unavailable') return refused;
  try {
    const { service } = await compose();
    await logSignInRefusal({ ...service, actor: NOBODY }, { email, from: await askedFrom(), code });
    return refused;
  } catch (failure) {
    return failedWith(failure);
  }
}

export async function signOut(): Promise<void> {
  await attempt((sessions) => sessions.signOut());
  redirect('/sign-in');
}

const passwordForm = z
  .object({
    current: z.string().min(1).max(PASSWORD_LENGTH_MAX),
    next: z.string().min(1).max(PASSWORD_LENGTH_MAX),
    again: z.string(),
  })
  .refine(({ next, again }) => next === again);

export async function changePassword(_before: SessionState, form: FormData): Promise<SessionState> {
  const parsed = passwordForm.safeParse(Object.fromEntries(form));
  const refused = new CofreError('access/password-refused', 'The new password was not typed twice the same.');
  const state = await attempt((sessions) =>
    parsed.success ? sessions.changePassword(parsed.data) : Promise.reject(refused),
  );
  if (state.success) redirect(wayBack(form.get('to')));
  return state;
}

async function attempt(change: (sessions: Sessions) => Promise<void>): Promise<ActionResult<null>> {
  try {
    if (!(await isFromOurPages()))
      throw new CofreError('access/denied', 'The call did not come from a page of this application.');
    await change((await compose()).sessions);
    return succeeded(null);
  } catch (error) {
    unstable_rethrow(error);
    return failedWith(error);
  }
}
