import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { backupDocument, checkDocument, diffDocument, planDocument, restoreDocument } from '@cofre/contracts';
import { describe, expect, it } from 'vitest';
import { emptyShell } from '../../../tests/support/cofre-shell.ts';
import { s3Address, startS3rver } from '../../../tests/support/s3-server.ts';
import { loadShop, SHOP_DEFINITION } from '../../../tests/support/service-context.ts';

describe('a repository in a bucket', () => {
  it('is remembered with how it is reached, and does the main job from the bundle', async () => {
    const server = await startS3rver();
    try {
      const { accessKeyId, secretAccessKey } = server.credentials;
      const shell = await emptyShell({
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
        COFRE_PASSPHRASE: 'in a bucket',
      });
      await loadShop(shell.db);
      await shell.ok('db migrate');
      await shell.ok('repo init', { COFRE_REPOSITORY: s3Address(server, 'backups/one') });
      const file = path.join(shell.home, 'shop.yaml');
      await writeFile(file, SHOP_DEFINITION);
      await shell.ok(`module apply ${file}`);
      await shell.ok(`implementation add shop one --scope '{"store_id":1}'`);
      const backup = await shell.json(backupDocument, 'backup create shop/one');
      expect(backup).toMatchObject({ status: 'completed', encrypted: true });
      await shell.db.query('DELETE FROM sale');
      const plan = await shell.json(planDocument, 'restore plan latest');
      expect(plan.applicable).toBe(true);
      await shell.json(restoreDocument, `restore apply ${plan.id} --yes`);
      const diff = await shell.json(diffDocument, 'diff latest live');
      expect(diff.tables.every(({ inserted, updated, deleted }) => inserted + updated + deleted === 0)).toBe(true);
      expect((await shell.json(checkDocument, 'repo check --read-data')).ok).toBe(true);
    } finally {
      await server.close();
    }
  });
});
