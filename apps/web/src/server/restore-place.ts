import { type BackupDocument, type ImplementationDocument, isCofreError } from '@cofre/contracts';
import { listImplementations, type ServiceContext, showBackup } from '@cofre/services';
import { notFound } from 'next/navigation';
import { cache } from 'react';

export interface PlaceParams {
  readonly module: string;
  readonly implementation: string;
}

/** The implementation that an address names; null: it was deleted, or there never was one. */
export const findImplementation = cache(
  async (service: ServiceContext, module: string, key: string): Promise<ImplementationDocument | null> => {
    const all = await listImplementations(service, { module: decodeURIComponent(module) }).catch((error: unknown) => {
      if (isCofreError(error, 'module/not-found')) return [];
      throw error;
    });
    return all.find((it) => it.key === decodeURIComponent(key)) ?? null;
  },
);

export interface BackupPlace {
  readonly backup: BackupDocument;
  /** What people call the implementation; its key, where it was deleted. */
  readonly name: string;
}

/** The backup of an address, where it is one of this implementation; an implementation that is gone can be restored, too. */
export const findBackupPlace = cache(
  async (service: ServiceContext, { module, implementation: key }: PlaceParams, id: string): Promise<BackupPlace> => {
    const backup = await showBackup(service, { backup: decodeURIComponent(id) }).catch((error: unknown) => {
      if (isCofreError(error) && ['backup/not-found', 'backup/ambiguous', 'usage/invalid'].includes(error.code))
        notFound();
      throw error;
    });
    const { implementation } = backup;
    if (implementation.module !== decodeURIComponent(module) || implementation.key !== decodeURIComponent(key))
      notFound();
    return { backup, name: (await findImplementation(service, module, key))?.name ?? implementation.key };
  },
);
