import path from 'node:path';
import type { Database } from '@cofre/postgres';
import type { BenchPlace } from './bench-run.ts';
import type { Cofre, CofreRepository } from './cofre.ts';
import { BACKUP } from './contenders.ts';
import { type Measured, measure, shell } from './measure.ts';
import { COPY_SLICE, emptySlice, requireSlice, type SliceFacts, TABLE } from './stock-table.ts';

export interface RestoreContender {
  readonly name: string;
  readonly settings: string;
  run(): Promise<Measured>;
}

/** Both start from the slice emptied alike and end with the same rows, which is checked. */
export interface RestoreRace {
  readonly contenders: readonly RestoreContender[];
  empty(): Promise<void>;
  check(): Promise<void>;
}

export async function prepareRestores(
  place: BenchPlace,
  { cofre, database, whole }: { cofre: Cofre; database: Database; whole: SliceFacts },
): Promise<RestoreRace> {
  const { scratch, environment } = place;
  const file = path.join(scratch, 'slice.copy');
  await shell(`${COPY_SLICE} > '${file}'`, environment);
  const contenders = [plainCopyFrom(place, file)];
  if (cofre.unavailable() === null) {
    const repository = await cofre.makeRepository(path.join(scratch, 'restore-repository'));
    contenders.push(await ours(place, cofre, repository));
  }
  return {
    contenders,
    empty: () => emptySlice(database),
    check: () => requireSlice(database, whole),
  };
}

function plainCopyFrom({ scratch, environment }: BenchPlace, file: string): RestoreContender {
  return {
    name: 'plain COPY FROM',
    settings: 'the floor: one COPY into the table with its keys and foreign key',
    run: () => measure(`{time} psql -X -q -c "COPY ${TABLE} FROM STDIN" < '${file}'`, environment, scratch),
  };
}

async function ours(place: BenchPlace, cofre: Cofre, repository: CofreRepository): Promise<RestoreContender> {
  const backup = JSON.parse(await cofre.run(BACKUP, repository.environment)) as { readonly id: string };
  const command = cofre.line(`restore apply ${backup.id} --yes --progress none --json`);
  return {
    name: 'cofre restore apply',
    settings: 'plan, safety backup, apply, every row read again and compared before commit',
    run: () => measure(command, repository.environment, place.scratch),
  };
}
