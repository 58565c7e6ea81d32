import { isCofreError } from '@cofre/contracts';
import { authorize, type UseCaseName } from '@cofre/services';
import { notFound } from 'next/navigation';
import { cache } from 'react';
import { type Entered, requireViewer } from './viewer.ts';

/** The first thing in pages of restores: who may only look is told that there is nothing, and the attempt is in the log. */
export const requireAdministrator = cache(async (useCase: UseCaseName, back?: string): Promise<Entered> => {
  const entered = await requireViewer(back);
  try {
    await authorize(entered.service, useCase);
  } catch (error) {
    if (isCofreError(error, 'access/denied') || (isCofreError(error) && error.code.endsWith('/not-found'))) notFound();
    throw error;
  }
  return entered;
});
