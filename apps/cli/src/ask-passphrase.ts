import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { CofreError } from '@cofre/contracts';

/** A new passphrase, typed twice and not shown. Throws where nobody can type. */
export async function askPassphrase(): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new CofreError('repository/key-required', 'No new key was given. Nothing was changed.', {
      hint: 'Set COFRE_NEW_PASSPHRASE, or name a key file with --key-file.',
    });
  }
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    const passphrase = await typed(reader, 'New passphrase: ');
    if (passphrase === '') throw refused('An empty passphrase protects nothing.');
    if (passphrase !== (await typed(reader, 'Again: '))) throw refused('The two differ.');
    return passphrase;
  } finally {
    reader.close();
  }
}

async function typed(reader: { question(text: string): Promise<string> }, prompt: string): Promise<string> {
  process.stderr.write(prompt);
  const answer = await reader.question('');
  process.stderr.write('\n');
  return answer;
}

function refused(why: string): CofreError {
  return new CofreError('usage/invalid', `${why} Nothing was changed.`);
}
