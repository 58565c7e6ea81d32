import type { RecoveryKitDocument } from '@cofre/contracts';
import { getFormatter, getTranslations } from 'next-intl/server';

/** The kit as a sheet of plain text, to be printed or kept, in the reader's language. */
export async function recoveryKitText({ madeAt, madeFor, repository, key }: RecoveryKitDocument): Promise<string> {
  const [t, format] = await Promise.all([getTranslations('recovery.text'), getFormatter()]);
  const { url, id, encryption, rootKeyIds } = repository;
  const date = format.dateTime(new Date(madeAt), { dateStyle: 'long', timeStyle: 'short' });
  const facts = [
    [t('address'), url],
    [t('id'), id],
    [t('encryption'), encryption],
    ...rootKeyIds.map((rootKey) => [t('rootKeys'), rootKey]),
  ];
  const lines = [
    t('heading'),
    t('made', { date, name: madeFor }),
    '',
    t('lead'),
    '',
    t('repository'),
    ...facts.map(([name = '', value]) => `  ${name.padEnd(NAME_WIDTH)}${value}`),
    `  ${t(url.startsWith('file:') ? 'folder' : 'bucket')}`,
    '',
    t('key'),
    ...(key.kind === 'key-file' ? [`  ${t('keyFile')}`, '', key.hex] : [`  ${t(key.kind)}`]),
    '',
    t('open'),
    `  ${t('openSay')}`,
    '',
    `    export COFRE_REPOSITORY=${quoted(url)}`,
    ...VARIABLES[key.kind].map((line) => `    ${line}`),
    '',
    `  ${t('openLook')}`,
    '',
    '    npx cofre repo info',
    '    npx cofre repo check --read-data',
    '',
  ];
  return lines.join('\n');
}

const NAME_WIDTH = 14;

/** How a shell is told of the key. */
const VARIABLES = {
  'key-file': ['export COFRE_KEY_FILE=cofre.key'],
  passphrase: ['read -rs COFRE_PASSPHRASE && export COFRE_PASSPHRASE'],
  none: [],
} as const satisfies Record<RecoveryKitDocument['key']['kind'], readonly string[]>;

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
