import { type BackupSettings, type ImplementationRef, implementationId } from '@cofre/contracts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { mergeSettings } from '../settings/merge-settings.ts';
import { AllSettings } from '../settings/settings-rows.ts';
import type { RetainedBackup } from './choose-removals.ts';

export interface RetainedRow extends RetainedBackup {
  readonly sizeBytes: number;
}

/** The backups of one implementation, and what decides about them. */
export interface RetainedGroup {
  readonly ref: ImplementationRef;
  readonly settings: BackupSettings;
  readonly implementation: { readonly held: boolean; readonly isGone: boolean; readonly goneSince: Date | null };
  readonly backups: readonly RetainedRow[];
}

export interface RetainedWhich {
  readonly implementationId?: string | undefined;
  readonly module?: string | undefined;
}

/**
 * What retention looks at: every ended backup, by implementation. One that is gone is known by the foreign key, which
 * no policy can hide; `goneSince` is null until clean-up has noticed it.
 */
export async function readRetained(
  catalogue: Catalogue,
  options: RetainedWhich & { readonly names: Catalogue },
): Promise<readonly RetainedGroup[]> {
  const rows = await retainedRows(catalogue, options);
  const modules = new Map(
    (await options.names.selectFrom('cofre.v_base_modules').select(['id', 'slug']).execute()).map(({ id, slug }) => [
      slug,
      id,
    ]),
  );
  const settings = await AllSettings.read(catalogue);
  const groups = new Map<string, typeof rows>();
  for (const row of rows) {
    const id = row.source_implementation_id ?? '';
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [row]);
    else group.push(row);
  }
  return [...groups].flatMap(([id, group]) => {
    const [newest] = group;
    if (newest === undefined) return [];
    const module = newest.module_slug ?? '';
    const layers = settings.layers({ implementationId: id, moduleId: modules.get(module) ?? '' });
    return [
      {
        ref: { id: implementationId.parse(id), module, key: newest.implementation_key ?? '' },
        settings: mergeSettings(layers).settings,
        implementation: {
          held: newest.implementation_held ?? false,
          isGone: group.every((row) => row.implementation_id === null),
          goneSince: newest.gone_since,
        },
        backups: group.map(toRetained),
      },
    ];
  });
}

async function retainedRows(catalogue: Catalogue, which: RetainedWhich) {
  let query = catalogue
    .selectFrom('public.module_backups as b')
    .leftJoin('cofre.implementation_settings as s', 's.implementation_id', 'b.source_implementation_id')
    .select([
      'b.id',
      'b.implementation_id',
      'b.source_implementation_id',
      'b.module_slug',
      'b.implementation_key',
      'b.created_at',
      'b.expires_at',
      'b.expiry_source',
      'b.status',
      'b.safety',
      'b.held',
      'b.size_bytes',
      's.held as implementation_held',
      's.deleted_at as gone_since',
    ])
    .where('b.module_slug', 'is not', null)
    .where('b.source_implementation_id', 'is not', null)
    .where('b.deleted_at', 'is', null)
    .where('b.status', 'in', ['completed', 'failed', 'canceled']);
  if (which.implementationId !== undefined)
    query = query.where('b.source_implementation_id', '=', which.implementationId);
  if (which.module !== undefined) query = query.where('b.module_slug', '=', which.module);
  return query.orderBy('b.source_implementation_id').orderBy('b.created_at', 'desc').orderBy('b.id', 'desc').execute();
}

function toRetained(row: Awaited<ReturnType<typeof retainedRows>>[number]): RetainedRow {
  return {
    id: row.id,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    expirySource: row.expiry_source,
    status: row.status === 'failed' || row.status === 'canceled' ? row.status : 'completed',
    safety: row.safety,
    held: row.held,
    sizeBytes: row.size_bytes ?? 0,
  };
}
