import {
  type AddImplementationInput,
  addImplementationInput,
  assert,
  CofreError,
  type ImplementationDocument,
  implementationId,
  parseInput,
  type RootKey,
} from '@cofre/contracts';
import { withSessions } from '@cofre/postgres';
import { authorize } from '../access/authorize.ts';
import { settleNextBackup } from '../schedules/settle-next-backups.ts';
import type { ServiceContext } from '../service-context.ts';
import { allImplementations, type ImplementationFacts, sliceInputsOf } from './find-implementation.ts';
import { settingsInForce } from '../settings/settings-in-force.ts';
import { listImplementations } from './list-implementations.ts';
import { refuseOverlaps, requireSlice, slicesOf } from './refuse-overlaps.ts';
import { showModule } from './show-module.ts';

/**
 * Names a slice: a new implementation of a module, or the scope of one that the platform has and that has none yet. The
 * scope is checked against the definition, and no row may belong to another implementation of the module already.
 */
export async function addImplementation(
  caller: ServiceContext,
  input: AddImplementationInput,
): Promise<ImplementationDocument> {
  const { module, key, name, scope } = parseInput(addImplementationInput, input);
  const context = await authorize(caller, 'addImplementation', { name: module });
  const { definition } = await showModule(context, { module });
  if (definition === null) {
    throw new CofreError('module/not-found', `The module ${module} has no definition. Nothing was changed.`, {
      params: { module },
    });
  }
  const siblings = await allImplementations(context.catalogue, module);
  const existing = siblings.find((facts) => facts.ref.key === key);
  if (existing !== undefined && (existing.scope !== null || scope === undefined)) throw exists(module, key);
  const id = implementationId.parse(existing?.ref.id ?? context.random.uuid());
  const draft = { ref: { id, module, key }, name: name ?? key, moduleId: '', definition, scope: scope ?? null };
  await check(context, draft);
  await insert(context, { draft, isNew: existing === undefined, scope });
  const all = await listImplementations(context, { module: draft.ref.module });
  const added = all.find((implementation) => implementation.id === id);
  assert(added !== undefined, 'what was added is in the list');
  return added;
}

async function check(context: ServiceContext, draft: ImplementationFacts): Promise<void> {
  const slice = sliceInputsOf(draft);
  const siblings = await slicesOf(context.catalogue, draft.ref.module);
  const others = siblings.filter(({ ref }) => ref.id !== draft.ref.id);
  await withSessions(context, async ({ open }) => {
    const { client } = await open('cofre implementation');
    await requireSlice(client, slice);
    await refuseOverlaps(client, [slice, ...others]);
  });
}

async function insert(
  context: ServiceContext,
  {
    draft,
    isNew,
    scope,
  }: { readonly draft: ImplementationFacts; readonly isNew: boolean; readonly scope: RootKey | undefined },
): Promise<void> {
  const { ref, name } = draft;
  const now = context.clock.now();
  await context.catalogue.transaction().execute(async (transaction) => {
    if (isNew) {
      const { id: moduleId } = await transaction
        .selectFrom('cofre.v_base_modules')
        .select('id')
        .where('slug', '=', ref.module)
        .executeTakeFirstOrThrow();
      await transaction
        .insertInto('cofre.v_module_implementations')
        .values({ id: ref.id, module_id: moduleId, key: ref.key, name })
        .execute();
    }
    const values = { backup_scope: scope === undefined ? null : JSON.stringify(scope), updated_at: now };
    await transaction
      .insertInto('cofre.implementation_settings')
      .values({ implementation_id: ref.id, created_at: now, ...values })
      .onConflict((conflict) => conflict.column('implementation_id').doUpdateSet(values))
      .execute();
    // From now on, and not from whenever somebody runs the schedule: else nobody would miss its backups.
    const settings = await settingsInForce(transaction, ref);
    if (isNew) await settleNextBackup(transaction, { implementationId: ref.id, settings, now });
  });
}

function exists(module: string, key: string): CofreError {
  return new CofreError(
    'implementation/exists',
    `The module ${module} has an implementation ${key}. Nothing was changed.`,
    {
      params: { implementation: `${module}/${key}` },
    },
  );
}
