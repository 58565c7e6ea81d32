import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Shell, shopShell } from '../support/cofre-shell.ts';

const GUIDE = readFileSync(path.resolve(import.meta.dirname, '../../docs/guides/automation.md'), 'utf8');

/** The blocks of a language, as they stand in the guide. */
const blocks = (language: string): readonly string[] =>
  [...GUIDE.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, name, body = '']) =>
    name === language ? [body] : [],
  );

/** Commands without what is said beside them; the guide's names are those of the README, the test's those of its shop. */
const commands = (): readonly string[] =>
  blocks('sh')
    .flatMap((block) => block.split('\n'))
    .map((line) =>
      line
        .replace(/\s+#.*$/, '')
        .replaceAll('rentals/store-1', 'shop/one')
        .replaceAll('rentals', 'shop'),
    )
    .filter((line) => line !== '');

const RULES = blocks('yaml').join('\n');

async function startWorker(shell: Shell, args: string) {
  const { child, ended } = shell.start([...args.split(' '), '--port', '0', '--json']);
  const line = await new Promise<string>((resolve) =>
    child.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString())),
  );
  return { ended, stop: () => child.kill('SIGTERM'), url: (JSON.parse(line) as { url: string }).url };
}

describe('the guide to automation', () => {
  it('every command, query and address in it works as it stands there', async () => {
    const shell = await shopShell();
    await shell.db.query(`INSERT INTO auth.users (id, email) VALUES (gen_random_uuid(), 'ana@example.org')`);
    await shell.ok('backup create shop/one');
    let worker: Awaited<ReturnType<typeof startWorker>> | null = null;
    let metrics = '';
    for (const command of commands()) {
      const [, args] = /^npx cofre (.+)$/.exec(command) ?? [];
      const [, address] = /^curl -s http:\/\/127\.0\.0\.1:9464(\/\w+)$/.exec(command) ?? [];
      if (args?.startsWith('worker')) worker = await startWorker(shell, args);
      else if (args !== undefined) await shell.ok(args);
      else if (address !== undefined && worker !== null) {
        const response = await fetch(`${worker.url}${address}`);
        expect(response.status, command).toBe(200);
        metrics = await response.text();
      } else expect.fail(`nobody knows how to try: ${command}`);
    }
    for (const query of blocks('sql').join('').split(';')) await shell.db.query(query);
    const named = new Set(RULES.match(/\bcofre_\w+/g));
    expect(named.size).toBeGreaterThan(5);
    for (const name of named) expect(metrics).toContain(`# HELP ${name} `);
    worker?.stop();
    expect(await worker?.ended).toMatchObject({ code: 0 });
  });

  const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
  it.skipIf(!hasPromtool)(
    'promtool accepts its rules (skipped where Debian’s prometheus is not installed)',
    async () => {
      const folder = await mkdtemp(path.join(tmpdir(), 'cofre-rules-'));
      const file = path.join(folder, 'rules.yml');
      await writeFile(file, RULES);
      expect(execFileSync('promtool', ['check', 'rules', file], { encoding: 'utf8' })).toContain(
        'SUCCESS: 7 rules found',
      );
      await rm(folder, { recursive: true });
    },
  );

  it('names every setting’s option as the command line has it', () => {
    const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/cli.md'), 'utf8');
    const options = new Set(GUIDE.match(/--[a-z][a-z-]+/g));
    for (const option of options) expect(page).toContain(`\`${option}`);
  });
});
