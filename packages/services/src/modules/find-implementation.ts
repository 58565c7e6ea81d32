import {
  CofreError,
  type Definition,
  definition as definitionSchema,
  type ImplementationRef,
  implementationId,
  type RootKey,
  rootKey as rootKeySchema,
} from '@cofre/contracts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { implementationNotFound } from './not-found.ts';

export interface ImplementationFacts {
  readonly ref: ImplementationRef;
  readonly name: string;
  readonly moduleId: string;
  /** null: the module has none. */
  readonly definition: Definition | null;
  /** What the settings hold; null: none. */
  readonly scope: RootKey | null;
}

/** What of an implementation is needed to find its slice. */
export interface SliceInputs {
  readonly ref: ImplementationRef;
  readonly definition: Definition;
  readonly rootKey: RootKey;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** An implementation by its id or by `module/key`. Throws `implementation/not-found`. */
export async function findImplementation(catalogue: Catalogue, reference: string): Promise<ImplementationFacts> {
  const query = implementationQuery(catalogue);
  if (UUID.test(reference)) {
    const [row] = await findRows(catalogue, [reference.toLowerCase()]);
    if (row !== undefined) return factsOf(row);
    throw implementationNotFound(reference);
  }
  // Slugs hold no slash, keys may.
  const slash = reference.indexOf('/');
  if (slash < 0) {
    throw new CofreError('usage/invalid', `"${reference}" names no implementation. Nothing was started.`, {
      hint: 'Name it by its id or as module/key; `cofre implementation list` shows them.',
    });
  }
  const row = await query
    .where('m.slug', '=', reference.slice(0, slash))
    .where('i.key', '=', reference.slice(slash + 1))
    .executeTakeFirst();
  if (row === undefined) throw implementationNotFound(reference);
  return factsOf(row);
}

/** Implementations as the catalogue has them, nothing of them read yet; those that are not there are left out. */
export async function findRows(catalogue: Catalogue, ids: readonly string[]): Promise<readonly ImplementationRow[]> {
  return implementationQuery(catalogue).where('i.id', 'in', ids).execute();
}

/** Throws `definition/invalid` where somebody wrote a definition past the product that is none. */
export function factsOf(row: ImplementationRow): ImplementationFacts {
  return toFacts(row, definitionOf(row));
}

/** The implementations of one module, or of all, in the order of their names. */
export async function allImplementations(
  catalogue: Catalogue,
  moduleSlug?: string,
): Promise<readonly ImplementationFacts[]> {
  const query = implementationQuery(catalogue).orderBy('m.slug').orderBy('i.key');
  const rows = await (moduleSlug === undefined ? query : query.where('m.slug', '=', moduleSlug)).execute();
  // The implementations of a module share its definition: it is read once.
  const definitions = new Map<string, Definition | null>();
  return rows.map((row) => {
    const definition = definitions.get(row.module_id) ?? definitionOf(row);
    definitions.set(row.module_id, definition);
    return toFacts(row, definition);
  });
}

/** The definition and root key, or why there is no slice: `module/not-found` or `implementation/scope-missing`. */
export function sliceInputsOf(facts: ImplementationFacts): SliceInputs {
  const { ref, definition } = facts;
  if (definition === null) {
    throw new CofreError('module/not-found', `The module ${ref.module} has no definition. Nothing was started.`, {
      params: { module: ref.module },
    });
  }
  const rootKey = rootKeyOf(facts);
  if (rootKey === null) {
    throw new CofreError(
      'implementation/scope-missing',
      `${ref.module}/${ref.key} does not say which ${definition.root?.key.join(', ')} it stands for. Nothing was started.`,
      { params: { implementation: `${ref.module}/${ref.key}`, key: definition.root?.key ?? [] } },
    );
  }
  return { ref, definition, rootKey };
}

/** With the default root an implementation stands for itself; with a root of its own the scope has to say for what. */
export function rootKeyOf({ ref, definition, scope }: ImplementationFacts): RootKey | null {
  if (scope !== null) return scope;
  return definition?.root === undefined ? { id: ref.id } : null;
}

function implementationQuery(catalogue: Catalogue) {
  return catalogue
    .selectFrom('cofre.v_module_implementations as i')
    .innerJoin('cofre.v_base_modules as m', 'm.id', 'i.module_id')
    .leftJoin('cofre.module_definitions as d', 'd.module_id', 'm.id')
    .leftJoin('cofre.implementation_settings as s', 's.implementation_id', 'i.id')
    .select(['i.id', 'i.key', 'i.name', 'm.slug as module', 'm.id as module_id', 'd.definition', 's.backup_scope']);
}

export interface ImplementationRow {
  readonly id: string;
  readonly key: string;
  readonly name: string;
  readonly module: string;
  readonly module_id: string;
  readonly definition: unknown;
  readonly backup_scope: unknown;
}

function definitionOf({ definition, module }: ImplementationRow): Definition | null {
  if (definition === null) return null;
  const { data, error } = definitionSchema.safeParse(definition);
  if (data !== undefined) return data;
  const message = `What is kept as the definition of the module ${module} is none. Nothing was started.`;
  throw new CofreError('definition/invalid', message, { params: { module }, cause: error });
}

function toFacts(row: ImplementationRow, definition: Definition | null): ImplementationFacts {
  return {
    ref: { id: implementationId.parse(row.id), module: row.module, key: row.key },
    name: row.name,
    moduleId: row.module_id,
    definition,
    scope: row.backup_scope === null ? null : rootKeySchema.parse(row.backup_scope),
  };
}
