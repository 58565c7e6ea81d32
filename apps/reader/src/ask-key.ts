import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { CofreError } from '@cofre/contracts';
import type { RepositoryKey } from '@cofre/engine';

/** What a program has of the world. */
export interface Terminal {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

const KEY_BYTES = 32;

/** A key file where one is named, else the passphrase: from the environment, or typed and not shown. */
export async function askKey(terminal: Terminal, keyFile: string | undefined): Promise<RepositoryKey> {
  const { COFRE_PASSPHRASE: passphrase, COFRE_KEY_FILE: fromEnvironment } = terminal.variables;
  if (keyFile === undefined && passphrase !== undefined) return { kind: 'passphrase', passphrase };
  const file = keyFile ?? fromEnvironment;
  if (file !== undefined) return { kind: 'key-file', bytes: keyBytes(file, await readFile(file)) };
  if (!terminal.stdin.isTTY) {
    throw new CofreError(
      'repository/key-required',
      'The repository is encrypted. Set COFRE_PASSPHRASE, or name the key with --key-file.',
    );
  }
  return { kind: 'passphrase', passphrase: await typed(terminal) };
}

/** 32 bytes as they are, or written as 64 hexadecimal digits or as base64. */
function keyBytes(file: string, content: Buffer): Buffer {
  if (content.length === KEY_BYTES) return content;
  const text = content.toString('latin1').trim();
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  const decoded = Buffer.from(text, 'base64');
  if (/^[A-Za-z0-9+/]{43}=$/.test(text) && decoded.length === KEY_BYTES) return decoded;
  throw new CofreError('repository/key-wrong', `${file} does not hold a 256-bit key.`);
}

async function typed({ stdin, stderr }: Terminal): Promise<string> {
  stderr.write('Passphrase: ');
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: stdin, output: nowhere, terminal: true });
  try {
    return await reader.question('');
  } finally {
    reader.close();
    stderr.write('\n');
  }
}
