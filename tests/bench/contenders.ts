import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { BenchPlace } from './bench-run.ts';
import type { Cofre } from './cofre.ts';
import { bytesIn, type Measured, measure } from './measure.ts';
import { borg, type Peer, restic } from './peers.ts';
import { COPY_SLICE, TABLE } from './stock-table.ts';

/** One way to get the slice out of the database and, but for the first, to keep it. */
export interface Contender {
  readonly name: string;
  /** What is compressed and encrypted how, for the reader of the table. */
  readonly settings: string;
  /** Why it cannot run here; null: it can. */
  unavailable(): string | null;
  run(): Promise<Measured & { readonly storedBytes: number | null }>;
}

/** A place that is empty before and gone after each run. */
export async function inFreshFolder<T>(
  scratch: string,
  name: string,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = path.join(scratch, name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export const FLOOR = 'plain COPY to /dev/null';

export function plainCopy({ scratch, environment }: BenchPlace): Contender {
  return {
    name: FLOOR,
    settings: 'the floor: rows leave the server and go nowhere',
    unavailable: () => null,
    async run() {
      return { ...(await measure(`{time} ${COPY_SLICE} > /dev/null`, environment, scratch)), storedBytes: null };
    },
  };
}

function pgDump({ scratch, environment }: BenchPlace): Contender {
  return {
    name: 'pg_dump -Fc of the table',
    settings: 'the whole table; zlib as by default; not encrypted',
    unavailable: () => null,
    run: () =>
      inFreshFolder(scratch, 'pg_dump', async (folder) => {
        const file = path.join(folder, 'table.dump');
        const measured = await measure(`{time} pg_dump -Fc -t ${TABLE} -f '${file}'`, environment, scratch);
        return { ...measured, storedBytes: await bytesIn(file) };
      }),
  };
}

function fromScratch({ scratch }: BenchPlace, peer: Peer): Contender {
  return {
    name: peer.name,
    settings: `a new repository each time; ${peer.settings}`,
    unavailable: () => peer.unavailable(),
    run: () =>
      inFreshFolder(scratch, 'peer', async (folder) => {
        const repository = await peer.makeRepository(folder);
        const measured = await repository.backUp();
        return { ...measured, storedBytes: await bytesIn(repository.folder) };
      }),
  };
}

function ours(place: BenchPlace, cofre: Cofre): Contender {
  return {
    name: 'cofre backup create',
    settings: 'a new repository each time; zstd; encrypted; every block opened and compared before it is stored',
    unavailable: () => cofre.unavailable(),
    run: () =>
      inFreshFolder(place.scratch, 'cofre', async (folder) => {
        const repository = await cofre.makeRepository(path.join(folder, 'repository'));
        const measured = await measure(cofre.line(BACKUP), repository.environment, place.scratch);
        return { ...measured, storedBytes: await bytesIn(repository.folder) };
      }),
  };
}

export const BACKUP = 'backup create stock/variant-1 --type full --progress none --json';

/** In the order in which they take turns. */
export function contenders(place: BenchPlace, cofre: Cofre): readonly Contender[] {
  return [
    plainCopy(place),
    pgDump(place),
    fromScratch(place, restic(place)),
    fromScratch(place, borg(place)),
    ours(place, cofre),
  ];
}
