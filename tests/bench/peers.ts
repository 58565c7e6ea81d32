import { existsSync } from 'node:fs';
import path from 'node:path';
import type { BenchPlace } from './bench-run.ts';
import { type Measured, measure, shell } from './measure.ts';
import { COPY_SLICE } from './stock-table.ts';

/** A repository that takes the slice as it is now as often as it is asked to, and keeps all of them. */
export interface SliceRepository {
  readonly folder: string;
  backUp(): Promise<Measured>;
}

/** A backup program for files, which is given the rows that COPY prints. */
export interface Peer {
  readonly name: string;
  /** What is compressed and encrypted how, for the reader of the table. */
  readonly settings: string;
  /** Why it cannot run here; null: it can. */
  unavailable(): string | null;
  /** An empty one below an empty folder. */
  makeRepository(folder: string): Promise<SliceRepository>;
}

const PASSPHRASE = 'bench passphrase';

const program = (file: string): string | null => (existsSync(file) ? null : `${file} is not installed`);

export function restic({ scratch, environment }: BenchPlace): Peer {
  return {
    name: 'COPY | restic backup --stdin',
    settings: 'compression auto (zstd); encrypted',
    unavailable: () => program('/usr/bin/restic'),
    async makeRepository(folder) {
      const repository = path.join(folder, 'repository');
      const own = {
        ...environment,
        RESTIC_REPOSITORY: repository,
        RESTIC_PASSWORD: PASSPHRASE,
        RESTIC_CACHE_DIR: path.join(folder, 'cache'),
      };
      await shell('restic init', own);
      const command = `${COPY_SLICE} | {time} restic backup --quiet --stdin --stdin-filename slice.copy`;
      return { folder: repository, backUp: () => measure(command, own, scratch) };
    },
  };
}

export function borg({ scratch, environment }: BenchPlace): Peer {
  return {
    name: 'COPY | borg create',
    settings: 'compression lz4 (its default); encryption repokey-blake2',
    unavailable: () => program('/usr/bin/borg'),
    async makeRepository(folder) {
      const repository = path.join(folder, 'repository');
      const own = { ...environment, BORG_PASSPHRASE: PASSPHRASE, BORG_BASE_DIR: folder, BORG_REPO: repository };
      await shell('borg init --encryption repokey-blake2', own);
      let archives = 0;
      return {
        folder: repository,
        backUp() {
          archives += 1;
          const archive = `::slice-${archives}`;
          return measure(
            `${COPY_SLICE} | {time} borg create --compression lz4 --stdin-name slice.copy ${archive} -`,
            own,
            scratch,
          );
        },
      };
    },
  };
}
