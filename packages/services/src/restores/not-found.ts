import { CofreError } from '@cofre/contracts';

/** Also what is said to people who may not know of it. */
export function restoreNotFound(reference: string): CofreError {
  return new CofreError('restore/not-found', `There is no restore ${reference}.`, { params: { restore: reference } });
}

export function planNotFound(reference: string): CofreError {
  return new CofreError('plan/not-found', `There is no plan ${reference}. Nothing was changed.`, {
    params: { plan: reference },
  });
}
