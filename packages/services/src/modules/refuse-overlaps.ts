import { resolveSlice } from '@cofre/postgres';
import type pg from 'pg';
import type { SliceInputs } from './find-implementation.ts';

/** Makes sure that each scope fits its definition, and that no row belongs to two of the implementations (`definition/overlap`). */
export async function refuseOverlaps(client: pg.ClientBase, implementations: readonly SliceInputs[]): Promise<void> {
  for (const { definition, rootKey, ref } of implementations) {
    await resolveSlice(client, definition, rootKey, { implementationId: ref.id });
  }
}
