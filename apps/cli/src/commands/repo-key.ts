import { CofreError, type RepositoryKeyDocument } from '@cofre/contracts';
import { addKey, listKeys, removeKey, rotateRootKey } from '@cofre/services';
import { readKeyFile } from '@cofre/setup';
import { askPassphrase } from '../ask-passphrase.ts';
import { textTable } from '../output/text-table.ts';
import { formatTime, shortId } from '../output/words.ts';
import type { Command, Run } from '../run.ts';

export const repoKeyList: Command = async (run) => {
  const keys = await listKeys(await run.composition.repository());
  run.print(keys, () => {
    if (keys.items.length === 0) return 'The repository is not encrypted, so that it has no keys.';
    return textTable(
      ['KEY', 'KIND', 'ADDED', 'OPENS', ''],
      keys.items.map((key) => [
        shortId(key.id),
        key.kind,
        formatTime(key.createdAt),
        key.opensAll ? 'everything' : 'only what is older; `repo key add` mends it',
        key.inUse ? 'in use' : '',
      ]),
    );
  });
  return undefined;
};

export const repoKeyAdd: Command = async (run) => {
  const newKey = await readNewKey(run);
  const { key, added } = await addKey(await run.composition.withRepository(), { newKey });
  run.print({ key, added }, () =>
    added
      ? `The ${wordOf(key)} opens the repository from now on, as ${shortId(key.id)}.`
      : `The ${wordOf(key)} opens everything already, as ${shortId(key.id)}. Nothing was changed.`,
  );
  return undefined;
};

export const repoKeyRemove: Command = async (run) => {
  const key = run.operand(0);
  if (!run.flag('yes')) {
    throw new CofreError(
      'usage/confirmation-needed',
      `This takes the key ${key} away: it opens the repository no more. Nothing was changed.`,
      { params: { key }, hint: 'Call again with --yes if that is meant.' },
    );
  }
  const answer = await removeKey(await run.composition.withRepository(), { key });
  run.print(answer, () =>
    [
      `The ${wordOf(answer.removed)} ${shortId(answer.removed.id)} opens the repository no more.`,
      'Whoever has copied the repository before, or has had this key, can still open that copy with it. Where the key is in',
      'the wrong hands: `cofre repo key rotate`, so that what comes is sealed with another root key.',
    ].join('\n'),
  );
  return undefined;
};

export const repoKeyRotate: Command = async (run) => {
  const answer = await rotateRootKey(await run.composition.withRepository());
  run.print(answer, () =>
    [
      `Everything new is sealed with the root key ${shortId(answer.rootKeyId)}. What is there stays as it is, and readable.`,
      ...answer.leftOut.map(
        (key) =>
          `The ${wordOf(key)} ${shortId(key.id)} does not open it and reads only what is older: add it again with \`cofre repo key add\`.`,
      ),
    ].join('\n'),
  );
  return undefined;
};

function wordOf({ kind }: RepositoryKeyDocument): string {
  return kind === 'key-file' ? 'key file' : 'passphrase';
}

/** Never from the command line itself, which others on the machine can list. */
async function readNewKey(run: Run) {
  const file = run.text('keyFile');
  const passphrase = run.variables['COFRE_NEW_PASSPHRASE'] ?? '';
  if (file !== undefined && passphrase !== '') {
    throw new CofreError('usage/invalid', '--key-file and COFRE_NEW_PASSPHRASE are both given. Nothing was started.', {
      hint: 'Give the one that is meant.',
    });
  }
  if (file !== undefined) return readKeyFile(file);
  return { kind: 'passphrase', passphrase: passphrase === '' ? await askPassphrase() : passphrase } as const;
}
