import type { SettingsDocument, SettingsPlace } from '@cofre/contracts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { findImplementation } from '../modules/find-implementation.ts';
import { moduleNotFound } from '../modules/not-found.ts';
import { GLOBAL_SUBJECT, moduleIdOf, type SettingsSubject } from './settings-rows.ts';

/** A place that settings are of, found. */
export interface Place {
  readonly document: SettingsDocument['place'];
  readonly subject: SettingsSubject;
  readonly implementationId?: string;
  readonly moduleId?: string;
}

/** Throws `implementation/not-found` or `module/not-found`. */
export async function findPlace(catalogue: Catalogue, { implementation, module }: SettingsPlace): Promise<Place> {
  if (implementation !== undefined) {
    const { ref, moduleId } = await findImplementation(catalogue, implementation);
    return {
      document: { scope: 'implementation', implementation: `${ref.module}/${ref.key}`, module: ref.module },
      subject: { scope: 'implementation', subjectId: ref.id },
      implementationId: ref.id,
      moduleId,
    };
  }
  if (module !== undefined) {
    const moduleId = await moduleIdOf(catalogue, module);
    if (moduleId === undefined) throw moduleNotFound(module);
    return { document: { scope: 'module', module }, subject: { scope: 'module', subjectId: moduleId }, moduleId };
  }
  return { document: { scope: 'global' }, subject: { scope: 'global', subjectId: GLOBAL_SUBJECT } };
}

/** As it is named in a refusal. */
export function placeName({ implementation, module }: SettingsPlace): string {
  return implementation ?? module ?? '';
}
