import {
  type AppliedDefinitionDocument,
  type ApplyDefinitionInput,
  applyDefinitionInput,
  assert,
  type Definition,
  parseInput,
} from '@cofre/contracts';
import { type FaultPlacer, parseDefinition, validateDefinition, withSessions } from '@cofre/postgres';
import type { Transaction } from 'kysely';
import { authorize } from '../access/authorize.ts';
import { audit } from '../audit/audit.ts';
import type { CatalogueSchema } from '../catalogue/schema.ts';
import type { ServiceContext } from '../service-context.ts';
import { allImplementations, rootKeyOf } from './find-implementation.ts';
import { refuseOverlaps, requireSlice } from './refuse-overlaps.ts';

/**
 * Checks a definition against the live schema, tells every fault at once with its place in the text, and keeps it. The
 * module is created if the platform does not have it. The same definition again changes nothing.
 */
export async function applyDefinition(
  caller: ServiceContext,
  input: ApplyDefinitionInput,
): Promise<AppliedDefinitionDocument> {
  const { source } = parseInput(applyDefinitionInput, input);
  const context = await authorize(caller, 'applyDefinition');
  const { definition, faultAt } = parseDefinition(source);
  await validate(context, definition, faultAt);
  const { revision, changed } = await context.catalogue
    .transaction()
    .execute((transaction) => keep({ context, transaction, definition, source }));
  return {
    module: definition.module,
    revision,
    changed,
    tables: definition.tables.length,
    warnings: await warningsOf(context, definition),
  };
}

async function validate(context: ServiceContext, definition: Definition, faultAt: FaultPlacer): Promise<void> {
  const implementations = await allImplementations(context.catalogue, definition.module);
  await withSessions(context, async ({ open }) => {
    const { client } = await open('cofre module');
    await validateDefinition(client, definition, { faultAt });
    // The implementations that exist already are to fit the new definition, too; those without a scope have no slice.
    const slices = implementations.flatMap((facts) => {
      const rootKey = rootKeyOf({ ...facts, definition });
      return rootKey === null ? [] : [{ ref: facts.ref, definition, rootKey }];
    });
    for (const slice of slices) await requireSlice(client, slice);
    await refuseOverlaps(client, slices);
  });
}

async function keep(input: {
  readonly context: ServiceContext;
  readonly transaction: Transaction<CatalogueSchema>;
  readonly definition: Definition;
  readonly source: string;
}): Promise<{ readonly revision: number; readonly changed: boolean }> {
  const { context, transaction, definition, source } = input;
  const moduleId = await moduleIdOf(transaction, definition.module);
  const now = context.clock.now();
  const kept = await transaction
    .selectFrom('cofre.module_definitions')
    .select(['definition', 'source', 'revision'])
    .where('module_id', '=', moduleId)
    .forUpdate()
    .executeTakeFirst();
  if (kept !== undefined && kept.source === source) return { revision: kept.revision, changed: false };
  const values = {
    definition: JSON.stringify(definition),
    source,
    updated_at: now,
    updated_by_name: context.actor.name,
  };
  const row = await transaction
    .insertInto('cofre.module_definitions')
    .values({ module_id: moduleId, created_at: now, ...values })
    .onConflict((conflict) =>
      conflict
        .column('module_id')
        .doUpdateSet((eb) => ({ ...values, revision: eb('cofre.module_definitions.revision', '+', 1) })),
    )
    .returning('revision')
    .executeTakeFirst();
  assert(row !== undefined, 'an upsert returns its row');
  await audit(
    { ...context, catalogue: transaction },
    {
      action: 'UPDATE_MODULE_DEFINITION',
      resource: { type: 'module', id: moduleId },
      details: { module: definition.module, revision: row.revision, tables: definition.tables.length },
    },
  );
  return { revision: row.revision, changed: true };
}

async function moduleIdOf(transaction: Transaction<CatalogueSchema>, slug: string): Promise<string> {
  const select = transaction.selectFrom('cofre.v_base_modules').select('id').where('slug', '=', slug);
  const found = await select.executeTakeFirst();
  if (found !== undefined) return found.id;
  const name = slug.charAt(0).toUpperCase() + slug.slice(1).replaceAll(/[-_]/g, ' ');
  // Somebody else may have made it since; an application's own table may have no unique slug to conflict on.
  await transaction.insertInto('cofre.v_base_modules').values({ slug, name }).execute();
  return (await select.executeTakeFirstOrThrow()).id;
}

async function warningsOf(context: ServiceContext, definition: Definition): Promise<string[]> {
  const implementations = await allImplementations(context.catalogue, definition.module);
  const scopeless = implementations.filter((facts) => rootKeyOf({ ...facts, definition }) === null);
  return scopeless.map(
    ({ ref }) =>
      `${ref.module}/${ref.key} has no scope yet; \`cofre implementation add ${ref.module} ${ref.key} --scope …\` gives it one.`,
  );
}
