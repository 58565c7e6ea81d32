import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';

export interface Measured {
  readonly seconds: number;
  /** Peak resident memory of the program behind `{time}`; null where GNU time is not installed. */
  readonly peakRssBytes: number | null;
}

export type Environment = Readonly<Record<string, string>>;

const GNU_TIME = '/usr/bin/time';

export const measuresMemory = (): boolean => existsSync(GNU_TIME);

export interface Outcome {
  readonly stdout: string;
  readonly seconds: number;
}

/** Runs a line of bash to its end and gives what it printed; throws with the end of its stderr when any part of it fails. */
export function shell(command: string, environment: Environment): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn('bash', ['-o', 'pipefail', '-c', command], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString('utf8')).slice(-4000)));
    child.on('error', reject);
    child.on('close', (code) => {
      const seconds = (performance.now() - started) / 1000;
      if (code === 0) resolve({ stdout, seconds });
      else reject(new Error(`exit ${code ?? 'by signal'}: ${command}\n${stderr}`));
    });
  });
}

/** Times a line of bash. `{time}` in it stands before the program whose memory counts. */
export async function measure(command: string, environment: Environment, scratch: string): Promise<Measured> {
  const rssFile = path.join(scratch, 'peak-rss');
  await rm(rssFile, { force: true });
  const prefix = measuresMemory() ? `${GNU_TIME} -f %M -o '${rssFile}'` : '';
  const { seconds } = await shell(command.replace('{time}', prefix), environment);
  if (!measuresMemory() || !command.includes('{time}')) return { seconds, peakRssBytes: null };
  return { seconds, peakRssBytes: Number((await readFile(rssFile, 'utf8')).trim()) * 1024 };
}

/** Bytes of all files below a folder, or of a file. */
export async function bytesIn(place: string): Promise<number> {
  const info = await stat(place);
  if (!info.isDirectory()) return info.size;
  let sum = 0;
  for (const entry of await readdir(place, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) sum += (await stat(path.join(entry.parentPath, entry.name))).size;
  }
  return sum;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
