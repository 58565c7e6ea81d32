import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildFunctions, type FUNCTIONS } from '../../apps/functions/build.ts';
import { IS_LONG } from './long-tests.ts';

const require = createRequire(import.meta.url);

export interface Deno {
  readonly version: string;
  readonly binary: string;
}

/** What the hosted platform runs, and the current one; those that this machine does not have are left out, and said. */
export const DENOS: readonly Deno[] = ['deno-hosted', 'deno'].flatMap((name) => {
  const manifest = require.resolve(`${name}/package.json`);
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  const binary = path.join(path.dirname(manifest), 'deno');
  if (existsSync(binary)) return [{ version, binary }];
  console.warn(`Deno ${version} is not installed (script/setup): edge functions are not tested under it.`);
  return [];
});

/** What the hosted platform runs; with `--long` every Deno. */
export const COSTLY_DENOS: readonly Deno[] = IS_LONG ? DENOS : DENOS.slice(0, 1);

/**
 * What a hosted function may do: reach the network and read its environment. No file, no system fact, no process; nothing
 * is fetched to run it.
 */
const RIGHTS = ['--allow-net', '--allow-env', '--no-prompt', '--no-config', '--no-lock', '--no-remote', '--no-npm'];

export type FunctionName = (typeof FUNCTIONS)[number];

/** The built functions in a folder with nothing else in it and around it. */
export async function builtFunctions(): Promise<{ readonly folder: string } & AsyncDisposable> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cofre-functions-'));
  await buildFunctions(folder);
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

interface StartOptions {
  readonly deno: Deno;
  readonly folder: string;
  readonly name: FunctionName;
  readonly variables: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** One instance of a function, as the platform starts it: a process with the rights above, reached over HTTP. */
export class EdgeFunction implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #output: { text: string };

  private constructor(child: ChildProcess, output: { text: string }, port: string) {
    this.#child = child;
    this.#output = output;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start({ deno, folder, name, variables }: StartOptions): Promise<EdgeFunction> {
    const entry = path.join(folder, name, 'index.ts');
    const child = spawn(deno.binary, ['run', ...RIGHTS, entry], {
      // Neither HOME nor PATH: a hosted function has none that help.
      env: { NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1', DENO_DIR: path.join(folder, 'deno'), PORT: '0', ...variables },
      cwd: path.join(folder, name),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { text: '' };
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (output.text += chunk.toString()));
    }
    for (;;) {
      const port = /Listening on http:\/\/[^:]+:(\d+)/.exec(output.text)?.[1];
      if (port !== undefined) return new EdgeFunction(child, output, port);
      if (child.exitCode !== null) throw new Error(`The function ended: ${output.text}`);
      await sleep(10);
    }
  }

  /** All that it printed. */
  get log(): string {
    return this.#output.text;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async call(init: RequestInit & { readonly path?: string } = {}): Promise<Answer> {
    const { path: at = '/', ...rest } = init;
    const response = await fetch(`${this.url}${at}`, { method: 'POST', ...rest });
    const text = await response.text();
    const body = JSON.parse(text === '' ? '{}' : text) as Answer['body'];
    return { status: response.status, headers: response.headers, text, body };
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

const TICKS_PER_SECOND = 100;

/** User and system time of a process or thread. The name in parentheses may hold blanks; these are the 14th and 15th field. */
function cpuMsOf(file: string): number {
  const stat = readFileSync(file, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}

export interface Usage {
  /** Of the thread that runs JavaScript, which is the process's first. */
  readonly threadCpuMs: number;
  readonly bytes: number;
  /** The most memory that it had resident since `forgetPeak`. */
  readonly peakBytes: number;
}

/** What a process used so far. Linux only. */
export function usageOf(pid: number): Usage {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytesOf = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) * 1024;
  return {
    threadCpuMs: cpuMsOf(`/proc/${pid}/task/${pid}/stat`),
    bytes: bytesOf('VmRSS'),
    peakBytes: bytesOf('VmHWM'),
  };
}

/** Begins `peakBytes` anew. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}
