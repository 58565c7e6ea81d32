import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { S3Credentials } from '@cofre/storage';

const require = createRequire(import.meta.url);

/** A server that speaks S3, with one bucket, on a free port of this machine. */
export interface S3TestServer {
  readonly endpoint: string;
  readonly bucket: string;
  readonly credentials: S3Credentials;
  close(): Promise<void>;
}

/** The address of a repository in the server's bucket. */
export function s3Address(server: Pick<S3TestServer, 'endpoint' | 'bucket'>, prefix: string): string {
  const parameters = new URLSearchParams({ endpoint: server.endpoint, region: 'us-east-1', forcePathStyle: 'true' });
  return `s3://${server.bucket}/${prefix}?${parameters.toString()}`;
}

/** s3rver: an S3 of others' making that keeps objects as files, and knows neither conditional puts nor signatures. */
export async function startS3rver(): Promise<S3TestServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cofre-s3rver-'));
  const bucket = 'cofre-test';
  const script = require.resolve('s3rver/bin/s3rver.js');
  const options = ['--directory', folder, '--address', '127.0.0.1', '--port', '0', '--silent', '--no-vhost-buckets'];
  const child = spawn(process.execPath, [script, ...options, '--configure-bucket', bucket], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // Its listings' continuation tokens are made with a cipher that OpenSSL 3 counts as legacy.
    env: { ...process.env, NODE_OPTIONS: '--no-deprecation --openssl-legacy-provider' },
  });
  const close = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const port = await portOf(child);
    return {
      endpoint: `http://127.0.0.1:${port}`,
      bucket,
      // The pair that s3rver always has.
      credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function portOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('s3rver has no output');
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /listening on .*:(\d+)/.exec(line)?.[1];
    if (port === undefined) continue;
    child.stdout.resume();
    return port;
  }
  throw new Error(`s3rver ended before it listened (${String(child.exitCode)})`);
}
