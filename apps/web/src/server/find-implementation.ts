import { isCofreError, type ImplementationDetailDocument } from '@cofre/contracts';
import { type ServiceContext, showImplementation } from '@cofre/services';
import { notFound } from 'next/navigation';
import { cache } from 'react';

/** The implementation that an address names by its parts as the address has them; what is not there is answered 404. */
export const findImplementation = cache(
  async (service: ServiceContext, module: string, key: string): Promise<ImplementationDetailDocument> => {
    const [slug, name] = [decoded(module), decoded(key)];
    if (slug === null || name === null) notFound();
    try {
      return await showImplementation(service, { implementation: `${slug}/${name}` });
    } catch (error) {
      if (isCofreError(error, 'implementation/not-found') || isCofreError(error, 'usage/invalid')) notFound();
      throw error;
    }
  },
);

/** null: no browser writes such an address. */
export function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}
