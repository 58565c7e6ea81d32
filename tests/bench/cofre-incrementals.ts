import type { Database } from '@cofre/postgres';
import type { BenchPlace } from './bench-run.ts';
import type { Cofre, CofreRepository } from './cofre.ts';
import { measure } from './measure.ts';
import type { SliceRepository } from './peers.ts';
import { withClient } from './with-client.ts';

export const INCREMENTAL = 'backup create stock/variant-1 --type incremental --progress none --json';

export interface CofreSlices extends SliceRepository {
  readonly environment: CofreRepository['environment'];
}

/** An empty repository. The first backup in it is a full one, for want of one to build on. */
export async function keepIncrementals(place: BenchPlace, cofre: Cofre, folder: string): Promise<CofreSlices> {
  const repository = await cofre.makeRepository(folder);
  return {
    ...repository,
    backUp: () => measure(cofre.line(INCREMENTAL), repository.environment, place.scratch),
  };
}

/** The id of the backup that was made last, once it is certain that the probe was used and found all that changed, no more. */
export async function requireProbed(database: Database, rowsChanged: number): Promise<string> {
  return withClient(database, async (client) => {
    const { rows } = await client.query<{ id: string; status: string; probe: object; changed: string }>(
      `SELECT id, status, probe, stats ->> 'rowsChanged' AS changed FROM public.module_backups
       ORDER BY created_at DESC LIMIT 1`,
    );
    const [backup] = rows;
    const found = { status: backup?.status, probe: backup?.probe, rowsChanged: Number(backup?.changed) };
    const wanted = { status: 'completed', probe: { used: true }, rowsChanged };
    if (backup === undefined || JSON.stringify(found) !== JSON.stringify(wanted)) {
      throw new Error(`the incremental is not what it should be: ${JSON.stringify({ found, wanted })}`);
    }
    return backup.id;
  });
}
