import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Cofre } from './cofre.ts';
import { bytesIn, type Environment, type Measured, measure, shell } from './measure.ts';
import { SLICE, TABLE } from './stock-table.ts';

/** One way to get the slice out of the database and, but for the first, to keep it. */
export interface Contender {
  readonly name: string;
  /** What is compressed and encrypted how, for the reader of the table. */
  readonly settings: string;
  /** Why it cannot run here; null: it can. */
  unavailable(): string | null;
  run(): Promise<Measured & { readonly storedBytes: number | null }>;
}

export interface BenchPlace {
  readonly scratch: string;
  readonly environment: Environment;
}

const PASSPHRASE = 'bench passphrase';
const COPY_OUT = `psql -X -q -c "COPY (${SLICE}) TO STDOUT"`;

const program = (file: string): string | null => (existsSync(file) ? null : `${file} is not installed`);

/** A place that is empty before and gone after each run. */
async function inFreshFolder<T>(scratch: string, name: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = path.join(scratch, name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function plainCopy({ scratch, environment }: BenchPlace): Contender {
  return {
    name: 'plain COPY to /dev/null',
    settings: 'the floor: rows leave the server and go nowhere',
    unavailable: () => null,
    async run() {
      return { ...(await measure(`{time} ${COPY_OUT} > /dev/null`, environment, scratch)), storedBytes: null };
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

function restic({ scratch, environment }: BenchPlace): Contender {
  return {
    name: 'COPY | restic backup --stdin',
    settings: 'a new repository each time; compression auto (zstd); encrypted',
    unavailable: () => program('/usr/bin/restic'),
    run: () =>
      inFreshFolder(scratch, 'restic', async (folder) => {
        const repository = path.join(folder, 'repository');
        const own = {
          ...environment,
          RESTIC_REPOSITORY: repository,
          RESTIC_PASSWORD: PASSPHRASE,
          RESTIC_CACHE_DIR: path.join(folder, 'cache'),
        };
        await shell('restic init', own);
        const command = `${COPY_OUT} | {time} restic backup --quiet --stdin --stdin-filename slice.copy`;
        return { ...(await measure(command, own, scratch)), storedBytes: await bytesIn(repository) };
      }),
  };
}

function borg({ scratch, environment }: BenchPlace): Contender {
  return {
    name: 'COPY | borg create',
    settings: 'a new repository each time; compression lz4 (its default); encryption repokey-blake2',
    unavailable: () => program('/usr/bin/borg'),
    run: () =>
      inFreshFolder(scratch, 'borg', async (folder) => {
        const repository = path.join(folder, 'repository');
        const own = { ...environment, BORG_PASSPHRASE: PASSPHRASE, BORG_BASE_DIR: folder, BORG_REPO: repository };
        await shell('borg init --encryption repokey-blake2', own);
        const command = `${COPY_OUT} | {time} borg create --compression lz4 --stdin-name slice.copy ::slice -`;
        return { ...(await measure(command, own, scratch)), storedBytes: await bytesIn(repository) };
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
  return [plainCopy(place), pgDump(place), restic(place), borg(place), ours(place, cofre)];
}
