import type { ImplementationRef, PartialBackupSettings } from '@cofre/contracts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import type { SettingsScope } from '../catalogue/schema.ts';
import { readPartialSettings, type SettingsLayers } from './merge-settings.ts';

/** The subject of the row that holds for all. */
export const GLOBAL_SUBJECT = '00000000-0000-0000-0000-000000000000';

export interface SettingsSubject {
  readonly scope: SettingsScope;
  readonly subjectId: string;
}

export interface SettingsRow {
  readonly own: PartialBackupSettings;
  readonly revision: number;
}

/** The rows that bear on an implementation, of a module alone, or for all, in one query. */
export async function readLayers(
  catalogue: Catalogue,
  which: { readonly implementationId?: string | undefined; readonly moduleId?: string | undefined },
): Promise<SettingsLayers> {
  const { implementationId, moduleId } = which;
  const rows = await catalogue
    .selectFrom('cofre.backup_settings')
    .select(['scope', 'settings'])
    .where((eb) =>
      eb.or([
        eb('scope', '=', 'global'),
        ...(moduleId === undefined ? [] : [eb.and([eb('scope', '=', 'module'), eb('subject_id', '=', moduleId)])]),
        ...(implementationId === undefined
          ? []
          : [eb.and([eb('scope', '=', 'implementation'), eb('subject_id', '=', implementationId)])]),
      ]),
    )
    .execute();
  const of = (scope: SettingsScope) => readPartialSettings(rows.find((row) => row.scope === scope)?.settings);
  return { global: of('global'), module: of('module'), implementation: of('implementation') };
}

/** All rows, for who resolves many implementations at once. */
export class AllSettings {
  readonly #own: ReadonlyMap<string, PartialBackupSettings>;

  private constructor(own: ReadonlyMap<string, PartialBackupSettings>) {
    this.#own = own;
  }

  /** `implementations`: rows of others are left out. */
  static async read(catalogue: Catalogue, implementations?: readonly string[]): Promise<AllSettings> {
    const all = catalogue.selectFrom('cofre.backup_settings').select(['scope', 'subject_id', 'settings']);
    const rows = await (implementations === undefined
      ? all
      : all.where((eb) => eb.or([eb('scope', '<>', 'implementation'), eb('subject_id', 'in', implementations)]))
    ).execute();
    return new AllSettings(
      new Map(rows.map(({ scope, subject_id, settings }) => [`${scope} ${subject_id}`, readPartialSettings(settings)])),
    );
  }

  layers({
    implementationId,
    moduleId,
  }: {
    readonly implementationId: string;
    readonly moduleId: string;
  }): SettingsLayers {
    return {
      global: this.#own.get(`global ${GLOBAL_SUBJECT}`) ?? {},
      module: this.#own.get(`module ${moduleId}`) ?? {},
      implementation: this.#own.get(`implementation ${implementationId}`) ?? {},
    };
  }
}

export async function readRow(
  catalogue: Catalogue,
  { scope, subjectId }: SettingsSubject,
  lock: 'for-update' | 'none' = 'none',
): Promise<SettingsRow> {
  const query = catalogue
    .selectFrom('cofre.backup_settings')
    .select(['settings', 'revision'])
    .where('scope', '=', scope)
    .where('subject_id', '=', subjectId);
  const row = await (lock === 'for-update' ? query.forUpdate() : query).executeTakeFirst();
  return { own: readPartialSettings(row?.settings), revision: row?.revision ?? 0 };
}

/** The id of a module by its slug; undefined: there is none of that name any more. */
export async function moduleIdOf(catalogue: Catalogue, slug: string): Promise<string | undefined> {
  const row = await catalogue
    .selectFrom('cofre.v_base_modules')
    .select('id')
    .where('slug', '=', slug)
    .executeTakeFirst();
  return row?.id;
}

export async function layersOf(catalogue: Catalogue, ref: ImplementationRef | null): Promise<SettingsLayers> {
  if (ref === null) return readLayers(catalogue, {});
  return readLayers(catalogue, { implementationId: ref.id, moduleId: await moduleIdOf(catalogue, ref.module) });
}
