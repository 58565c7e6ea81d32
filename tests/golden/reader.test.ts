import { execFile } from 'node:child_process';
import { copyFile, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Manifest, Repository } from '@cofre/engine';
import { FileStore, nodeCodecs, systemClock, systemRandom } from '@cofre/storage';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildReader, READER_FILE } from '../../apps/reader/build.ts';
import { exportText } from '../support/export-text.ts';
import { GOLDEN, GOLDEN_FOLDER, type GoldenRepository } from './repositories.ts';

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe('the standalone reader', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'cofre-reader-'));
    await copyFile(READER_FILE, path.join(folder, 'reader.mjs'));
    await writeFile(path.join(folder, 'key'), Buffer.alloc(32, 7).toString('hex'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** In a folder with nothing else, and with nothing of our environment. */
  function read(args: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<Run> {
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        ['reader.mjs', ...args],
        { cwd: folder, env: variables, maxBuffer: 64 * 1024 * 1024 },
        (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
      ).stdin?.end();
    });
  }

  const placeOf = ({ name }: GoldenRepository) => path.join(GOLDEN_FOLDER, name, 'repository');
  const keyArguments = ({ key }: GoldenRepository) => (key.kind === 'key-file' ? ['--key-file', 'key'] : []);
  const keyVariables = ({ key }: GoldenRepository): Record<string, string> =>
    key.kind === 'passphrase' ? { COFRE_PASSPHRASE: key.passphrase } : {};

  async function contents(of: string): Promise<ReadonlyMap<string, string>> {
    const names = await readdir(of);
    return new Map(
      await Promise.all(names.map(async (name) => [name, await readFile(path.join(of, name), 'utf8')] as const)),
    );
  }

  async function manifestsOf(golden: GoldenRepository): Promise<{ repository: Repository; manifests: Manifest[] }> {
    const ports = { codecs: nodeCodecs, clock: systemClock, random: systemRandom, key: golden.key };
    const repository = await Repository.open({ ...ports, store: new FileStore(placeOf(golden)) });
    const manifests: Manifest[] = [];
    for await (const { implementationId, backupId } of repository.listManifests())
      manifests.push(await repository.readManifest(implementationId, backupId));
    return { repository, manifests };
  }

  it.each(GOLDEN)('with Node alone lists and exports what the product does, of a repository: $name', async (golden) => {
    const { repository, manifests } = await manifestsOf(golden);
    const listed = await read(['list', placeOf(golden), '--json', ...keyArguments(golden)], keyVariables(golden));
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    const { items } = JSON.parse(listed.stdout) as { items: { id: string }[] };
    expect(items.map(({ id }) => id).toSorted()).toEqual(manifests.map(({ backupId }) => backupId).toSorted());
    const formats = golden.name === 'plain' ? (['sql', 'csv', 'jsonl'] as const) : (['csv'] as const);
    // To open with a passphrase is meant to take its time.
    for (const format of formats)
      for (const manifest of golden.key.kind === 'passphrase' ? manifests.slice(0, 1) : manifests) {
        const output = `${format}-${manifest.backupId}`;
        const args = ['export', placeOf(golden), manifest.backupId, '--format', format, '--output', output];
        expect(await read([...args, ...keyArguments(golden)], keyVariables(golden))).toMatchObject({
          code: 0,
          stderr: '',
        });
        expect(await contents(path.join(folder, output))).toEqual(await exportText(repository, manifest, { format }));
      }
  });

  it('without a key, or with the wrong one, reads nothing and says so', async () => {
    const [encrypted] = GOLDEN.filter(({ name }) => name === 'passphrase');
    if (encrypted === undefined) throw new Error('one is encrypted');
    const args = ['export', placeOf(encrypted), 'latest', '--format', 'csv', '--output', 'out'];
    expect(await read(args)).toMatchObject({ code: 12, stdout: '' });
    const wrong = await read(args, { COFRE_PASSPHRASE: 'no' });
    expect(wrong).toMatchObject({ code: 12, stdout: '' });
    expect(wrong.stderr).toContain('does not open the repository');
    expect(wrong.stderr.trim().split('\n')).toHaveLength(1);
    expect((await read([...args, '--key-file', 'key'])).code).toBe(12);
  });

  it.each(['plain', 'key-file'])('finds a flipped byte, names it, and leaves no file behind (%s)', async (name) => {
    const [golden] = GOLDEN.filter((it) => it.name === name);
    if (golden === undefined) throw new Error('there is such a repository');
    await cp(placeOf(golden), path.join(folder, 'hurt'), { recursive: true });
    const packs = (await readdir(path.join(folder, 'hurt/packs'), { recursive: true })).filter((it) =>
      it.endsWith('.pack'),
    );
    for (const pack of packs) {
      const file = path.join(folder, 'hurt/packs', pack);
      const bytes = await readFile(file);
      bytes[100] = (bytes[100] ?? 0) ^ 1;
      await writeFile(file, bytes);
    }
    const { manifests } = await manifestsOf(golden);
    const [first] = manifests;
    const args = [
      'export',
      'hurt',
      first?.backupId ?? '',
      '--format',
      'jsonl',
      '--output',
      'out',
      ...keyArguments(golden),
    ];
    const run = await read(args);
    expect(run.code).toBe(4);
    expect(run.stderr).toMatch(/block [0-9a-f]{12} of packs\/.* is damaged/);
    expect(await readdir(path.join(folder, 'out'))).toEqual([]);
    // What is not among the damaged is listed all the same.
    expect((await read(['list', 'hurt', ...keyArguments(golden)])).code).toBe(0);
  });

  it('refuses what it does not understand, and overwrites nothing', async () => {
    const [plain] = GOLDEN;
    if (plain === undefined) throw new Error('there is a repository');
    const place = placeOf(plain);
    for (const args of [
      [],
      ['list'],
      ['steal', place],
      ['export', place, 'latest'],
      ['export', place, 'ffff', '--format', 'sql', '--output', 'x'],
      ['list', place, '--evil'],
      ['export', place, 'latest', '--format', 'sql', '--output', '.'],
    ])
      expect([args, (await read(args)).code]).toEqual([args, 2]);
    expect((await read(['list', 'nowhere'])).code).toBe(10);
    expect((await read(['--help'])).stdout).toContain('cofre-reader-1.mjs export FOLDER BACKUP');
  });

  it('is built to the same bytes each time, and carries nothing of where it was built', async () => {
    const [once, again] = [await buildReader(), await buildReader()];
    expect(once === again).toBe(true);
    expect(once).not.toContain(path.resolve(import.meta.dirname, '../..'));
    expect(once).not.toMatch(/from "(?!node:)/);
  });
});
