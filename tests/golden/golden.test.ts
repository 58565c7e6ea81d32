import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { Repository } from '@cofre/engine';
import { FileStore, nodeCodecs, readOnly, systemClock, systemRandom } from '@cofre/storage';
import { describe, expect, it } from 'vitest';
import { readText, tableOf } from '../repository/fixtures.ts';
import { GOLDEN, GOLDEN_FOLDER } from './repositories.ts';

describe.each(GOLDEN)('the golden repository $name of format 1', ({ name, key }) => {
  const folder = path.join(GOLDEN_FOLDER, name);

  it('opens, is whole, and holds the rows that it was made with', async () => {
    const repository = await Repository.open({
      codecs: nodeCodecs,
      key,
      clock: systemClock,
      random: systemRandom,
      store: readOnly(new FileStore(path.join(folder, 'repository'))),
    });
    const expected = (await readdir(path.join(folder, 'expected'))).toSorted();
    const found: string[] = [];
    let deltas = 0;
    for await (const { implementationId, backupId } of repository.listManifests()) {
      const manifest = await repository.readManifest(implementationId, backupId);
      found.push(`${backupId}.txt`);
      expect(await readText(repository, manifest)).toBe(
        await readFile(path.join(folder, 'expected', `${backupId}.txt`), 'utf8'),
      );
      expect(await repository.verifyBackup(manifest)).toMatchObject({ ok: true });
      for await (const range of repository.ranges(tableOf(manifest))) deltas += range.deltas.length;
    }
    expect(found.toSorted()).toEqual(expected);
    expect(found).toHaveLength(4);
    expect(deltas).toBe(3);
    expect(await repository.check({ readData: true })).toMatchObject({ ok: true });
  });
});
