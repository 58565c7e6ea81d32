import { findOverlaps, type Overlap, overlapError, resolveSlice, withSessions } from '@cofre/postgres';
import type pg from 'pg';
import { allImplementations, rootKeyOf, type SliceInputs, sliceInputsOf } from './find-implementation.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import type { ServiceContext } from '../service-context.ts';

/** Makes sure that an implementation's scope fits its definition in the live database (`definition/invalid`). */
export async function requireSlice(client: pg.ClientBase, { definition, rootKey, ref }: SliceInputs): Promise<void> {
  await resolveSlice(client, definition, rootKey, { implementationId: ref.id });
}

/** Makes sure that no row belongs to two of these implementations of one module (`definition/overlap`). */
export async function refuseOverlaps(client: pg.ClientBase, implementations: readonly SliceInputs[]): Promise<void> {
  const overlaps = await overlapsOf(client, implementations);
  if (overlaps.length > 0) throw overlapError(overlaps);
}

/** The rows that belong to two of these implementations of one module: the first few such findings. */
async function overlapsOf(client: pg.ClientBase, implementations: readonly SliceInputs[]): Promise<readonly Overlap[]> {
  const [first] = implementations;
  if (first === undefined) return [];
  const claims = implementations.map(({ ref, rootKey }) => ({
    implementationId: ref.id,
    name: `${ref.module}/${ref.key}`,
    rootKey,
  }));
  return findOverlaps(client, first.definition, claims);
}

/**
 * The same before a backup, which waits no longer for a table that somebody has for themselves than its own reading would
 * (`database/lock-timeout`).
 */
export function overlapsBeforeBackup(
  context: ServiceContext,
  implementations: readonly SliceInputs[],
): Promise<readonly Overlap[]> {
  return withSessions(context, async ({ open }) => {
    const { client } = await open('cofre backup');
    await client.query(`SET lock_timeout = ${Math.ceil(context.settings.lockTimeoutMs)}`);
    return overlapsOf(client, implementations);
  });
}

/** The implementations of a module that have a slice; those without a scope cannot share a row with anybody. */
export async function slicesOf(catalogue: Catalogue, module: string): Promise<readonly SliceInputs[]> {
  const implementations = await allImplementations(catalogue, module);
  return implementations.flatMap((facts) => (rootKeyOf(facts) === null ? [] : [sliceInputsOf(facts)]));
}
