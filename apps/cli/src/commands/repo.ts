import type { CheckDocument, RepositoryDocument } from '@cofre/contracts';
import { checkRepository, initRepository, showRepository } from '@cofre/services';
import { EXIT_DAMAGE } from '../exit-codes.ts';
import { textTable } from '../output/text-table.ts';
import { counted, formatBytes, formatTime, shortId } from '../output/words.ts';
import type { Command } from '../run.ts';

export const repoInit: Command = async (run) => {
  // zod refuses other words than these two and names the right ones.
  const input = { encryption: run.text('encryption'), compression: run.text('compression') };
  const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
  const repository = await initRepository(await run.composition.repository(), given);
  await run.composition.rememberRepository(repository);
  run.print(repository, () => {
    const made = `Made the repository ${shortId(repository.id)} at ${repository.url}.`;
    const encryption =
      repository.encryption === 'none'
        ? 'It is not encrypted: whoever can read this place can read the backups.'
        : 'It is encrypted with AES-256-GCM. Without the passphrase or key file nothing in it can ever be read again, so keep a copy of it elsewhere.';
    return `${made}\n${encryption}`;
  });
  return undefined;
};

export const repoInfo: Command = async (run) => {
  const repository = await showRepository(await run.composition.repository());
  run.print(repository, () => describe(repository));
  return undefined;
};

export const repoCheck: Command = async (run) => {
  if (run.text('readData') !== undefined) run.refuseNotYet(['readData']);
  const check = await checkRepository(await run.composition.repository(), { readData: run.flag('readData') });
  run.print(check, () => describeCheck(check));
  return check.ok ? undefined : EXIT_DAMAGE;
};

function describe(repository: RepositoryDocument): string {
  const lines = [
    ['Repository', repository.id],
    ['Place', repository.url],
    ['Format', String(repository.format)],
    ['Made', formatTime(repository.createdAt)],
    ['Encryption', repository.encryption],
    ['Compression', repository.compression],
    ...repository.keySlots.map(({ id, kind, createdAt }) => [
      'Key',
      `${shortId(id)}  ${kind}  ${formatTime(createdAt)}`,
    ]),
  ];
  return lines.map(([label, value]) => `${label?.padEnd(12)} ${value}`).join('\n');
}

/** Also for `backup verify`: what was looked at, and what is hurt. */
export function describeCheck({ ok, checked, damage }: CheckDocument): string {
  const seen = [
    counted(checked.backups, 'backup'),
    counted(checked.packs, 'pack'),
    ...(checked.blocks > 0 ? [counted(checked.blocks, 'block')] : []),
    ...(checked.bytes > 0 ? [formatBytes(checked.bytes)] : []),
  ].join(', ');
  if (ok) return `Checked ${seen}: no damage.`;
  const rows = damage.map(({ object, kind, backups }) => [
    object,
    kind,
    backups.length === 0 ? 'none' : backups.map(shortId).join(', '),
  ]);
  return [
    `Checked ${seen}: ${counted(damage.length, 'object is', 'objects are')} damaged.`,
    textTable(['OBJECT', 'DAMAGE', 'BACKUPS HURT'], rows),
    'All other backups still restore. Bring the named objects back from a copy of the repository.',
  ].join('\n');
}
