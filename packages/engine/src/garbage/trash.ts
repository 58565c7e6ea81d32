import { isCofreError } from '@cofre/contracts';
import { z } from 'zod';
import { TRASH_PREFIX, trashPath } from '../format/constants.ts';
import { damaged } from '../format/seal.ts';
import type { Repository } from '../repository/repository.ts';

/** Packs that a mark found unreferenced. Written once; deleted when each of them is deleted, or needed after all. */
export interface TrashObject {
  readonly path: string;
  /** By the store's clock. */
  readonly putAt: Date;
  /** null: it is damaged, and may have named any pack. */
  readonly packs: ReadonlySet<string> | null;
}

/** An object of so many names takes some 350 kB. */
const PACKS_PER_OBJECT = 10_000;

const trash = z.strictObject({ format: z.literal(1), packs: z.array(z.string().regex(/^[0-9a-f]{32}$/)) });

export async function readTrash(repository: Repository): Promise<readonly TrashObject[]> {
  const objects: TrashObject[] = [];
  for await (const { path, modifiedAt } of repository.store.list(TRASH_PREFIX)) {
    const packs = await readPacks(repository, path);
    if (packs !== 'gone') objects.push({ path, putAt: modifiedAt, packs });
  }
  return objects;
}

async function readPacks(repository: Repository, path: string): Promise<ReadonlySet<string> | null | 'gone'> {
  try {
    return new Set(parse(path, await repository.getObject(path, 'trash')));
  } catch (error) {
    // Another collector was done with it.
    if (isCofreError(error, 'repository/object-missing')) return 'gone';
    if (isCofreError(error, 'repository/damaged')) return null;
    throw error;
  }
}

function parse(path: string, bytes: Buffer): readonly string[] {
  try {
    return trash.parse(JSON.parse(bytes.toString('utf8'))).packs;
  } catch (cause) {
    throw damaged(path, 'it opens, but names no packs', cause);
  }
}

export async function putTrash(repository: Repository, packs: readonly string[]): Promise<void> {
  for (let from = 0; from < packs.length; from += PACKS_PER_OBJECT) {
    const content = { format: 1, packs: packs.slice(from, from + PACKS_PER_OBJECT) };
    const path = trashPath(Buffer.from(repository.sealing.random.bytes(16)).toString('hex'));
    await repository.putObject(path, 'trash', Buffer.from(JSON.stringify(content), 'utf8'));
  }
}

/** The packs that a writer treats as if they were not there: each may be deleted while it writes. */
export class TrashedPacks {
  readonly #objects: readonly TrashObject[];

  constructor(objects: readonly TrashObject[]) {
    this.#objects = objects;
  }

  has(pack: string): boolean {
    return this.#objects.some(({ packs }) => packs === null || packs.has(pack));
  }
}
