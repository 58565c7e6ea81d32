import { spawnSync } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { shopShell, untilWaiting } from '../support/cofre-shell.ts';

describe('interruption', () => {
  it('a signal that arrives twice, as npm and `timeout` pass it on, is one: the work stops by itself and says so', async () => {
    const shell = await shopShell();
    const blocker = await shell.db.database.connect();
    await blocker.query('BEGIN; LOCK TABLE public.sale IN ACCESS EXCLUSIVE MODE');
    const { child, ended } = shell.start(['backup', 'create', 'shop/one']);
    child.stderr?.once('data', () => child.kill('SIGINT'));
    await untilWaiting(shell.db);
    child.kill('SIGINT');
    const result = await ended;
    expect(result).toMatchObject({ code: 130, stdout: '' });
    expect(result.stderr).toContain('Nothing half done is listed');
    await blocker.end();
    expect(JSON.parse(await shell.ok('backup list --status canceled --json')).items).toHaveLength(1);
  });

  it('a reader of stderr that goes away does not end the work', async () => {
    const shell = await shopShell();
    const { child, ended } = shell.start(['backup', 'create', 'shop/one', '--json', '--progress', 'json']);
    child.stderr?.destroy();
    const result = await ended;
    expect(result.code).toBe(0);
    expect(JSON.parse(result.stdout)).toMatchObject({ status: 'completed' });
  });

  it.skipIf(!existsSync('/dev/full'))(
    'an answer that cannot be written is told in a line, not in a stack',
    async () => {
      const shell = await shopShell();
      const { program, variables } = shell;
      const stdio = ['ignore', openSync('/dev/full', 'w'), 'pipe'] as const;
      const result = spawnSync(process.execPath, [program, 'backup', 'list'], { env: variables, stdio: [...stdio] });
      expect(result.status).toBe(1);
      expect(result.stderr.toString().trim().split('\n')).toEqual([expect.stringContaining('could not be written')]);
    },
  );
});
