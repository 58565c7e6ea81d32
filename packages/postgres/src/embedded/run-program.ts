import { spawn } from 'node:child_process';
import type { ServerUser } from './server-user.ts';

export interface ProgramResult {
  readonly exitCode: number;
  /** stdout and stderr as they came. */
  readonly output: string;
}

/**
 * Runs one of PostgreSQL's programs to its end. The environment is ours alone: a stray PGDATA, PGOPTIONS or LC_ALL of
 * the caller must not reach the server, and messages stay English so that people can look them up.
 */
export function runProgram(file: string, args: readonly string[], user: ServerUser | null): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: '/',
      env: { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(user === null ? {} : { uid: user.uid, gid: user.gid }),
    });
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk.toString('utf8');
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', reject);
    child.on('close', (code) => resolve({ exitCode: code ?? -1, output }));
  });
}
