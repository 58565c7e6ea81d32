import { CofreError } from '@cofre/contracts';

/** Also what is said to people who may not know of it. */
export function implementationNotFound(reference: string): CofreError {
  return new CofreError('implementation/not-found', `There is no implementation ${reference}. Nothing was started.`, {
    params: { implementation: reference },
  });
}

export function moduleNotFound(module: string): CofreError {
  return new CofreError('module/not-found', `There is no module ${module}.`, { params: { module } });
}
