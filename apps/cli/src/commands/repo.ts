import {
  type CheckDocument,
  CofreError,
  type GarbageDocument,
  type ImportDocument,
  type RepositoryDocument,
} from '@cofre/contracts';
import {
  addRecoveryFiles,
  checkRepository,
  collectRepositoryGarbage,
  importBackups,
  initRepository,
  showRepository,
} from '@cofre/services';
import { parseGrace } from '../durations.ts';
import { EXIT_DAMAGE, EXIT_PARTLY_DONE } from '../exit-codes.ts';
import { textTable } from '../output/text-table.ts';
import { counted, formatBytes, formatTime, shortId } from '../output/words.ts';
import { type Command, present } from '../run.ts';

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

export const repoRecovery: Command = async (run) => {
  const files = await addRecoveryFiles(await run.composition.repository());
  run.print(files, () =>
    files.added.length === 0
      ? `They are there already: ${files.present.join(', ')}.`
      : `Added ${files.added.join(', ')}. Whoever has this repository and its key can read it with Node alone.`,
  );
  return undefined;
};

export const repoInfo: Command = async (run) => {
  const repository = await showRepository(await run.composition.repository());
  run.print(repository, () => describe(repository));
  return undefined;
};

export const repoCheck: Command = async (run) => {
  const share = parseShare(run.text('readData'));
  const readData = share ?? run.flag('readData');
  // With the database, where there is one: what was taken out of the repository is known there alone.
  const context = (await run.composition.serviceIfThere()) ?? (await run.composition.repository());
  const check = await checkRepository(context, { readData });
  run.print(check, () => [describeCheck(check), ...describeComparison(check)].join('\n'));
  return check.ok ? undefined : EXIT_DAMAGE;
};

function describeComparison({ comparedWithCatalogue }: CheckDocument): readonly string[] {
  if (comparedWithCatalogue !== false) return [];
  return ['There is no database to compare it with: a backup that was taken out of it as a whole is not missed.'];
}

/** `--read-data 2/7`: the second of seven shares. */
function parseShare(text: string | undefined): { readonly part: number; readonly parts: number } | undefined {
  if (text === undefined) return undefined;
  const [, part, parts] = /^(\d{1,5})\/(\d{1,5})$/.exec(text) ?? [];
  const share = { part: Number(part), parts: Number(parts) };
  if (share.part >= 1 && share.part <= share.parts && share.parts <= 10_000) return share;
  throw new CofreError(
    'usage/invalid',
    `--read-data takes a share like 2/7, the second of seven, not "${text}". Nothing was started.`,
  );
}

export const repoGc: Command = async (run) => {
  const input = { dryRun: run.flag('dryRun'), ...present('graceMs', parseGrace(run.text('grace'))) };
  const freed = await collectRepositoryGarbage(await run.composition.withRepository(), input);
  run.print(freed, () => describeFreed(freed, run.text('grace') ?? '24h'));
  return undefined;
};

export const repoImport: Command = async (run) => {
  const imported = await importBackups(await run.composition.withRepository());
  run.print(imported, () => describeImport(imported));
  const { unreadable } = imported;
  if (unreadable.length === 0) return undefined;
  return unreadable.some(({ error }) => error.code === 'repository/damaged') ? EXIT_DAMAGE : EXIT_PARTLY_DONE;
};

function describeImport({ imported, present, missing, unreadable }: ImportDocument): string {
  const lines = [`Listed ${counted(imported, 'backup')} that the catalogue did not know; it knew ${present} already.`];
  if (missing > 0) {
    lines.push(
      `${counted(missing, 'backup is', 'backups are')} listed and not in the repository: marked as missing. What was deleted since the database was as it is now can be deleted again with \`cofre backup delete\`.`,
    );
  }
  if (unreadable.length > 0) {
    lines.push(
      `${counted(unreadable.length, 'manifest', 'manifests')} cannot be opened, and nothing of ${unreadable.length === 1 ? 'it' : 'them'} is listed:`,
      textTable(
        ['OBJECT', 'WHY'],
        unreadable.map(({ object, error }) => [object, error.code]),
      ),
      'Bring the named objects back from a copy of the repository, and import again.',
    );
  }
  return lines.join('\n');
}

function describeFreed(freed: GarbageDocument, grace: string): string {
  const { dryRun, freedBytes, freedObjects, waitingBytes, plans, writers } = freed;
  const objects = counted(freedObjects, 'object');
  return [
    `${dryRun ? 'Would free' : 'Freed'} ${formatBytes(freedBytes)} in ${objects}${plans > 0 ? `, ${counted(plans, 'expired plan')} among them` : ''}.`,
    ...(waitingBytes > 0
      ? [
          `${formatBytes(waitingBytes)} more ${dryRun ? 'would wait' : 'wait'} in the trash: a run ${grace} from now frees them.`,
        ]
      : []),
    ...(writers > 0
      ? [
          `Some of it waits for ${counted(writers, 'backup')} that may be running or was killed; a day after it began it waits no more.`,
        ]
      : []),
    ...(dryRun ? ['This is a dry run: nothing was changed.'] : []),
  ].join('\n');
}

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
    ...(damage.some(({ kind }) => kind === 'recovery-file-not-published')
      ? ['What is not as published may have been put there to learn your key. Do not run it and do not follow it.']
      : []),
  ].join('\n');
}
