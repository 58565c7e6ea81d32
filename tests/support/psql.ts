import { spawn } from 'node:child_process';

export interface PsqlRun {
  readonly code: number | null;
  readonly output: string;
}

/** psql as somebody at a shell has it; null: there is none here, and tests of it are skipped. */
export async function psqlVersion(): Promise<string | null> {
  const { code, output } = await run(['--version'], '').catch(() => ({ code: 1, output: '' }));
  return code === 0 ? output.trim() : null;
}

/** Loads a script into a database and stops at the first error. `variables` are of the environment. */
export function loadByPsql(
  url: string,
  script: string | Buffer,
  variables: Readonly<Record<string, string>> = {},
): Promise<PsqlRun> {
  return run(['-X', '-v', 'ON_ERROR_STOP=1', '-f', '-', url], script, variables);
}

function run(args: readonly string[], input: string | Buffer, variables = {}): Promise<PsqlRun> {
  return new Promise((resolve, reject) => {
    const child = spawn('psql', args, { env: { PATH: process.env['PATH'], ...variables } });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
    // It stops reading at its first error.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
