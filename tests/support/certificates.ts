import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What a server proves with that it is `localhost`, and the authority that says so: as PEM. */
export interface Certificate {
  readonly authority: string;
  readonly cert: string;
  readonly key: string;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];

/** By an authority of its own, which nobody trusts who was not told of it. Needs `openssl` 3. */
export async function makeCertificate(): Promise<Certificate> {
  const cwd = await mkdtemp(path.join(tmpdir(), 'cofre-certificate-'));
  const request = (...options: readonly string[]) => run('openssl', ['req', '-x509', ...NEW_KEY, ...options], { cwd });
  try {
    const authority = ['-subj', '/CN=Cofre test authority', '-addext', 'basicConstraints=critical,CA:TRUE'];
    await request('-keyout', 'authority.key', '-out', 'authority.crt', ...authority);
    const server = [
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost',
      '-addext',
      'basicConstraints=CA:FALSE',
    ];
    await request(
      '-keyout',
      'server.key',
      '-out',
      'server.crt',
      '-CA',
      'authority.crt',
      '-CAkey',
      'authority.key',
      ...server,
    );
    const read = (name: string) => readFile(path.join(cwd, name), 'utf8');
    return { authority: await read('authority.crt'), cert: await read('server.crt'), key: await read('server.key') };
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}
