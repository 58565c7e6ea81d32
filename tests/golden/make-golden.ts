import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Random, Repository } from '@cofre/engine';
import { FileStore, nodeCodecs } from '@cofre/storage';
import { backUp, keylessLayout, readText, rowsOf } from '../repository/fixtures.ts';
import { LiveTable } from '../repository/live-table.ts';
import { GOLDEN, GOLDEN_FOLDER, type GoldenRepository } from './repositories.ts';

/**
 * Makes the golden repositories again. Only for a new version of the format, into a folder of its own: those of a version
 * that was published are never made again, for what matters is that they stay as they were.
 */
async function makeGolden({ name, key, compression }: GoldenRepository): Promise<void> {
  const folder = path.join(GOLDEN_FOLDER, name);
  const clock = { now: () => new Date('2026-01-01T00:00:00.000Z') };
  const store = new FileStore(path.join(folder, 'repository'));
  const ports = { store, codecs: nodeCodecs, clock, random: seededBytes(name), key };
  const repository = await Repository.init({ ...ports, compression });
  const live = new LiveTable(rowsOf(300, valueOf));
  const full = await backUp(repository, live.rows);
  live.set(7, 'changed\twith a tab');
  live.set(1000, 'new 📦');
  live.delete(8);
  const second = await backUp(repository, live.rows, { parent: full, probe: live.probe() });
  live.set(7, 'changed again');
  live.set(8, 'back');
  const third = await backUp(repository, live.rows, { parent: second, probe: live.probe() });
  // Ten and more: the text of one digit would sort among those of two.
  const few = new Map([...rowsOf(30, (id) => `${id % 3}`)].slice(10));
  const keyless = await backUp(repository, few, { layout: keylessLayout });
  await mkdir(path.join(folder, 'expected'), { recursive: true });
  for (const manifest of [full, second, third, keyless])
    await writeFile(path.join(folder, 'expected', `${manifest.backupId}.txt`), await readText(repository, manifest));
}

/** What COPY escapes, NULL's spelling, every width of UTF-8. */
function valueOf(id: number): string {
  return ['plain', '\\N', 'a\\b', 'line\nbreak', '', 'é漢📦', '\\.', `number ${id * 7919}`][id % 8] ?? '';
}

/** The same bytes in every run: keys, nonces, names of packs. */
function seededBytes(seed: string): Random {
  let drawn = 0;
  const bytes = (length: number) => {
    const parts: Buffer[] = [];
    for (let have = 0; have < length; have += 32)
      parts.push(createHash('sha256').update(`${seed} ${drawn++}`).digest());
    return Buffer.concat(parts).subarray(0, length);
  };
  return {
    bytes,
    uuid: () => {
      const hex = bytes(16).toString('hex');
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
    },
  };
}

await rm(GOLDEN_FOLDER, { recursive: true, force: true });
for (const golden of GOLDEN) await makeGolden(golden);
