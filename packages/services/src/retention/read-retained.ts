import { type BackupSettings, type ImplementationRef, implementationId } from '@cofre/contracts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { mergeSettings } from '../settings/merge-settings.ts';
import { AllSettings } from '../settings/settings-rows.ts';
import type { RetainedBackup } from './choose-removals.ts';

export interface RetainedRow extends RetainedBackup {
  readonly sizeBytes: number;
  readonly type: string;
  /** Where its manifest is; null: it has none. */
  readonly filePath: string | null;
  readonly repositoryId: string | null;
  /** What clean-up noted when it left it although it had expired. */
  readonly keptBecause: string | null;
}

/** The backups of one implementation, and what decides about them. */
export interface RetainedGroup {
  readonly ref: ImplementationRef;
  readonly settings: BackupSettings;
  readonly implementation: {
    readonly held: boolean;
    readonly isGone: boolean;
    /** What clean-up noted; null: it has not seen it gone. */
    readonly goneSince: Date | null;
    /** It is there, and backups of it do not point at it: it was deleted, and somebody put it back. */
    readonly isUnlinked: boolean;
  };
  readonly backups: readonly RetainedRow[];
}

export interface RetainedWhich {
  readonly implementationId?: string | undefined;
  readonly module?: string | undefined;
}

export interface RetainedOptions extends RetainedWhich {
  /** Looks up names with the service's rights: the platform's tables may have policies of the application's own. */
  readonly names: Catalogue;
  /** Implementations whose id comes after this one; default: all. */
  readonly after?: string | undefined;
  /** Those whose id is not after this one. */
  readonly upTo?: string | undefined;
}

/** Implementations whose backups are in memory at once. */
const IMPLEMENTATIONS_PER_PAGE = 100;

/** What retention looks at: every ended backup, by implementation. */
export async function readRetained(catalogue: Catalogue, options: RetainedOptions): Promise<readonly RetainedGroup[]> {
  const groups: RetainedGroup[] = [];
  for await (const page of retainedPages(catalogue, options)) groups.push(...page);
  return groups;
}

/** The same by pages, in the order of the implementations' ids. */
export async function* retainedPages(
  catalogue: Catalogue,
  options: RetainedOptions,
): AsyncGenerator<readonly RetainedGroup[]> {
  const { names } = options;
  const slugs = await names.selectFrom('cofre.v_base_modules').select(['id', 'slug']).execute();
  const modules = new Map(slugs.map(({ id, slug }) => [slug, id]));
  const settings = await AllSettings.read(catalogue);
  let after = options.after;
  for (;;) {
    const ids = await implementationIds(catalogue, { ...options, after });
    const last = ids.at(-1);
    if (last === undefined) return;
    const rows = await retainedRows(catalogue, ids);
    const there = await implementationsThere(names, ids);
    yield [...Map.groupBy(rows, (row) => row.source_implementation_id ?? '')].map(([id, group]) =>
      toGroup(id, group, { modules, settings, isThere: there.has(id) }),
    );
    if (ids.length < IMPLEMENTATIONS_PER_PAGE) return;
    after = last;
  }
}

type Row = Awaited<ReturnType<typeof retainedRows>>[number];

function toGroup(
  id: string,
  rows: readonly Row[],
  known: {
    readonly modules: ReadonlyMap<string, string>;
    readonly settings: AllSettings;
    readonly isThere: boolean;
  },
): RetainedGroup {
  const [newest] = rows;
  const module = newest?.module_slug ?? '';
  const layers = known.settings.layers({ implementationId: id, moduleId: known.modules.get(module) ?? '' });
  // No policy can hide that the foreign key points at it; a look may be hidden from us.
  const isThere = known.isThere || rows.some((row) => row.implementation_id !== null);
  return {
    ref: { id: implementationId.parse(id), module, key: newest?.implementation_key ?? '' },
    settings: mergeSettings(layers).settings,
    implementation: {
      held: newest?.implementation_held ?? false,
      isGone: !isThere,
      goneSince: newest?.gone_since ?? null,
      isUnlinked: known.isThere && rows.some((row) => row.implementation_id === null),
    },
    backups: rows.map(toRetained),
  };
}

function retainedQuery(catalogue: Catalogue) {
  return catalogue
    .selectFrom('public.module_backups as b')
    .where('b.module_slug', 'is not', null)
    .where('b.source_implementation_id', 'is not', null)
    .where('b.deleted_at', 'is', null)
    .where('b.status', 'in', ['completed', 'failed', 'canceled']);
}

async function implementationIds(
  catalogue: Catalogue,
  { implementationId: one, module, after, upTo }: RetainedOptions,
): Promise<readonly string[]> {
  let query = retainedQuery(catalogue).select('b.source_implementation_id as id').distinct();
  if (one !== undefined) query = query.where('b.source_implementation_id', '=', one);
  if (module !== undefined) query = query.where('b.module_slug', '=', module);
  if (after !== undefined) query = query.where('b.source_implementation_id', '>', after);
  if (upTo !== undefined) query = query.where('b.source_implementation_id', '<=', upTo);
  const rows = await query.orderBy('b.source_implementation_id').limit(IMPLEMENTATIONS_PER_PAGE).execute();
  return rows.flatMap(({ id }) => id ?? []);
}

async function implementationsThere(names: Catalogue, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await names.selectFrom('cofre.v_module_implementations').select('id').where('id', 'in', ids).execute();
  return new Set(rows.map(({ id }) => id));
}

async function retainedRows(catalogue: Catalogue, ids: readonly string[]) {
  return retainedQuery(catalogue)
    .leftJoin('cofre.implementation_settings as s', 's.implementation_id', 'b.source_implementation_id')
    .select([
      'b.id',
      'b.implementation_id',
      'b.source_implementation_id',
      'b.module_slug',
      'b.implementation_key',
      'b.backup_type',
      'b.created_at',
      'b.expires_at',
      'b.expiry_source',
      'b.status',
      'b.safety',
      'b.held',
      'b.size_bytes',
      'b.file_path',
      'b.repository_id',
      'b.kept_because',
      'b.missing_at',
      's.held as implementation_held',
      's.deleted_at as gone_since',
    ])
    .where('b.source_implementation_id', 'in', ids)
    .orderBy('b.source_implementation_id')
    .orderBy('b.created_at', 'desc')
    .orderBy('b.id', 'desc')
    .execute();
}

function toRetained(row: Row): RetainedRow {
  return {
    id: row.id,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    expirySource: row.expiry_source,
    status: row.status === 'failed' || row.status === 'canceled' ? row.status : 'completed',
    safety: row.safety,
    held: row.held,
    missing: row.missing_at !== null,
    sizeBytes: row.size_bytes ?? 0,
    type: row.backup_type,
    filePath: row.file_path,
    repositoryId: row.repository_id,
    keptBecause: row.kept_because,
  };
}

/** Backups whose end has passed, of implementations that were not looked at: most of them wait to be removed. */
export async function countExpired(
  catalogue: Catalogue,
  { after, upTo, now }: { readonly after?: string | undefined; readonly upTo?: string | undefined; readonly now: Date },
): Promise<number> {
  let query = retainedQuery(catalogue)
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('b.expires_at', '<=', now)
    .where('b.held', '=', false);
  if (after !== undefined) query = query.where('b.source_implementation_id', '>', after);
  if (upTo !== undefined) query = query.where('b.source_implementation_id', '<=', upTo);
  return (await query.executeTakeFirstOrThrow()).count;
}
