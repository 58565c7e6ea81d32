import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { nodeCodecs } from '@cofre/storage';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { bundle } from '../../apps/functions/build.ts';
import { DENOS } from '../support/edge-function.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const run = promisify(execFile);

/** What the program is asked: it packs `plain`, and unpacks each of `packed`. In base64. */
interface Question {
  readonly compression: 'zstd' | 'gzip';
  readonly plain: string;
  readonly packed: readonly { readonly bytes: string; readonly plainBytes: number }[];
}

interface Reply {
  readonly packed: string;
  /** The bytes, or the code of the error. */
  readonly unpacked: readonly { readonly bytes?: string; readonly code?: string }[];
  /** How much memory it took to refuse or to unpack, at most. */
  readonly grownBytes: number;
}

const PROGRAM = `
import process from 'node:process';
import { runtimeCodecs } from ${JSON.stringify(path.resolve(import.meta.dirname, '../../packages/storage/src/index.ts'))};
const questions = JSON.parse(await new Response(Deno.stdin.readable).text());
const replies = [];
for (const { compression, plain, packed } of questions) {
  const codec = runtimeCodecs(compression);
  const own = await codec.compress(Buffer.from(plain, 'base64'));
  const unpacked = [];
  const before = process.memoryUsage().rss;
  for (const { bytes, plainBytes } of packed) {
    try {
      unpacked.push({ bytes: Buffer.from(await codec.decompress(Buffer.from(bytes, 'base64'), plainBytes)).toString('base64') });
    } catch (error) {
      unpacked.push({ code: error.code ?? String(error) });
    }
  }
  replies.push({ packed: Buffer.from(own).toString('base64'), unpacked, grownBytes: process.memoryUsage().rss - before });
}
console.log(JSON.stringify(replies));
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cofre-codecs-'));
  await writeFile(path.join(folder, 'main.ts'), PROGRAM);
  await writeFile(path.join(folder, 'codecs.mjs'), await bundle(path.join(folder, 'main.ts')));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const rows = (count: number) =>
  Buffer.from(Array.from({ length: count }, (_, id) => `${id}\tname ${id % 17}\t2025-01-0${id % 9}\t\\N\n`).join(''));
const noise = (bytes: number) => Buffer.from(Array.from({ length: bytes }, (_, at) => (at * 7919 * (at + 31)) % 251));

describe.each(DENOS)('codecs under Deno $version', ({ binary }) => {
  async function ask(questions: readonly Question[]): Promise<readonly Reply[]> {
    const child = run(binary, ['run', '--allow-env', '--no-remote', '--no-npm', path.join(folder, 'codecs.mjs')], {
      maxBuffer: 200_000_000,
    });
    child.child.stdin?.end(JSON.stringify(questions));
    return JSON.parse((await child).stdout) as Reply[];
  }

  describe.each(['zstd', 'gzip'] as const)('%s', (compression) => {
    const codec = nodeCodecs(compression);

    it('opens what Node packed, and Node opens what it packed', async () => {
      const plains = [
        Buffer.alloc(0),
        Buffer.from('x'),
        rows(10),
        rows(50_000),
        noise(70_000),
        Buffer.alloc(3_000_000),
      ];
      const questions = await Promise.all(
        plains.map(async (plain): Promise<Question> => {
          const bytes = Buffer.from(await codec.compress(plain)).toString('base64');
          return { compression, plain: plain.toString('base64'), packed: [{ bytes, plainBytes: plain.length }] };
        }),
      );
      const replies = await ask(questions);
      for (const [index, plain] of plains.entries()) {
        expect(replies[index]?.unpacked).toEqual([{ bytes: plain.toString('base64') }]);
        const theirs = Buffer.from(replies[index]?.packed ?? '', 'base64');
        expect(plain.equals(await codec.decompress(theirs, plain.length))).toBe(true);
        expect(theirs.length).toBeLessThan(Math.max(64, plain.length * 1.1));
      }
    });

    it('refuses what is cut, changed, continued or a bomb, by its code and with little memory (I5)', async () => {
      const plain = rows(2_000);
      const good = Buffer.from(await codec.compress(plain));
      const bomb = Buffer.from(await codec.compress(new Uint8Array(150_000_000)));
      const empty = Buffer.from(await codec.compress(new Uint8Array(0)));
      const cases: readonly (readonly [string, Buffer, number])[] = [
        ...[0, 1, 5, 9, 20, good.length - 9, good.length - 1].map(
          (length) => [`cut to ${length}`, good.subarray(0, length), plain.length] as const,
        ),
        ['with a tail', Buffer.concat([good, Buffer.from('tail')]), plain.length],
        ['twice', Buffer.concat([good, good]), plain.length],
        ['behind an empty one', Buffer.concat([empty, good]), plain.length],
        ['before an empty one', Buffer.concat([good, empty]), plain.length],
        ['only 0xff', Buffer.alloc(100, 0xff), plain.length],
        ['no such thing', Buffer.from('not packed at all'), plain.length],
        ['a bomb', bomb, plain.length],
        ...[0, 1, plain.length - 1, plain.length + 1, 40_000_000].map(
          (bytes) => [`promised as ${bytes}`, good, bytes] as const,
        ),
      ];
      const packed = cases.map(([, bytes, plainBytes]) => ({ bytes: bytes.toString('base64'), plainBytes }));
      const [reply] = await ask([{ compression, plain: '', packed }]);
      // By name: the bytes themselves would fill the report.
      const wrong = cases.flatMap(([name], index) => {
        const { code = 'opened' } = reply?.unpacked[index] ?? {};
        return code === 'repository/damaged' ? [] : [`${name}: ${code}`];
      });
      expect(wrong).toEqual([]);
      expect(reply?.grownBytes).toBeLessThan(100_000_000);
    });
  });
});
