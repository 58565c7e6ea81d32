import { CofreError, type PlanDocument } from '@cofre/contracts';
import { type Damage, damageDemo, type DemoStep, type Proof, runDemo } from '@cofre/services';
import { EXIT_FAILED } from '../exit-codes.ts';
import { textTable } from '../output/text-table.ts';
import { counted, formatBytes, formatCount, formatDuration, shortId } from '../output/words.ts';
import type { Command, Run } from '../run.ts';

export const demo: Command = async (run) => {
  const { composition } = run;
  const { isEmbedded } = await composition.database();
  if (!isEmbedded && !run.flag('intoMyDatabase')) {
    throw new CofreError('demo/database-given', 'DATABASE_URL is set. Nothing was changed.');
  }
  if (run.flag('damage')) return damage(run);
  const startedAt = composition.clock.now().getTime();
  say(run, INTRODUCTION);
  await composition.ensureRepository();
  const steps: DemoStep[] = [];
  const proof = await runDemo(await composition.withRepository(), (step) => {
    steps.push(step);
    say(run, `\n${describe(step)}`);
  });
  const durationMs = composition.clock.now().getTime() - startedAt;
  const isProved = [proof.slice, proof.others].every(({ differing }) => differing.length === 0);
  if (run.flag('json')) run.print({ proved: isProved, durationMs, steps }, () => '');
  else say(run, `\n${isProved ? ending(durationMs, steps) : BROKEN}`);
  return isProved ? undefined : EXIT_FAILED;
};

/** For who wants to find and mend it themselves. */
async function damage(run: Run): Promise<undefined> {
  const { implementation, ...done } = await damageDemo(await run.composition.service());
  const { module, key } = implementation;
  run.print({ module, key, ...done }, () => `A bad deploy hit ${module}/${key}: ${damageInWords(done)}.`);
  return undefined;
}

function say(run: Run, words: string): void {
  if (!run.flag('json')) run.print(null, () => words);
}

const INTRODUCTION = `Cofre backs up one module of a running application and puts back exactly the part that was lost.
This demo shows it on a PostgreSQL of its own. Nothing of yours is touched.`;

const BROKEN = `The proof failed: the tables above are not what they should be. That is a bug of ours.
Please report it with this output.`;

function describe(step: DemoStep): string {
  switch (step.step) {
    case 'loaded':
      return describeLoaded(step);
    case 'backed-up':
      return describeBackedUp(step);
    case 'damaged':
      return describeDamaged(step);
    case 'planned':
      return describePlanned(step.plan);
    case 'restored':
      return describeRestored(step);
    case 'proved':
      return describeProved(step.proof);
  }
}

function damageInWords(damage: Damage): string {
  return `${counted(damage.pricesChanged, 'price')} a hundred times too high, ${counted(damage.productsDeleted, 'product')} deleted and with them
  ${counted(damage.childrenDeleted, 'stock record')}, the settings of ${counted(damage.settingsBroken, 'company', 'companies')} overwritten`;
}

type StepOf<Name extends DemoStep['step']> = Extract<DemoStep, { readonly step: Name }>;

function describeLoaded({ loaded, durationMs }: StepOf<'loaded'>): string {
  return `1 · A platform
  ${counted(loaded.tenants, 'company', 'companies')} share one database. Each uses some of ${counted(loaded.modules, 'module')} (inventory, billing, CRM),
  of which there are ${counted(loaded.implementations, 'implementation')}: variants that companies choose between.
  ${formatCount(loaded.rows)} rows in ${counted(loaded.tables, 'table')}, loaded in ${formatDuration(durationMs)}.`;
}

function describeBackedUp({ backup, tenants }: StepOf<'backed-up'>): string {
  const { stats, implementation } = backup;
  return `2 · A backup of one implementation
  ${implementation.module}/${implementation.key} is used by ${counted(tenants.length, 'company', 'companies')}, ${joined(tenants.slice(0, 2))} among them.
  Their part of the shared tables is its slice: ${counted(stats.rows, 'row')} in ${counted(stats.tables, 'table')}.
  ${formatBytes(stats.bytesRaw)} became ${formatBytes(stats.bytesStored)}, ${backup.encrypted ? 'encrypted' : 'not encrypted'} and checked, in ${formatDuration(stats.durationMs)}.
  It is backup ${shortId(backup.id)}.`;
}

function describeDamaged({ damage, meanwhile, before, example }: StepOf<'damaged'>): string {
  return `3 · A bad deploy
  ${damageInWords(damage)}. For example, at ${example.tenant}:
      ${example.product}: ${before.price} → ${example.price}
      settings: ${shortened(before.settings)} → ${shortened(example.settings)}
  Meanwhile everybody goes on working: ${counted(meanwhile.invoices, 'new invoice')}, ${counted(meanwhile.movements, 'stock movement')}, ${counted(meanwhile.notes, 'note')}.
  Restoring the whole database would lose these.`;
}

function describePlanned(plan: PlanDocument): string {
  const touched = plan.tables.filter(({ inserts, updates, deletes }) => inserts + updates + deletes > 0);
  const rows = touched.map(({ table, inserts, updates, deletes, unchanged }) => [
    table,
    ...[inserts, updates, deletes, unchanged].map(formatCount),
  ]);
  const headers = ['TABLE', 'PUT BACK', 'CHANGED BACK', 'DELETED', 'UNCHANGED'];
  const table = textTable(headers, rows, { right: headers.slice(1) });
  return `4 · The plan: what a restore would do. Nothing is written yet.
${indented(table)}
${exampleRow(plan)}`;
}

/** A row that would be changed, with the columns that differ. */
function exampleRow(plan: PlanDocument): string {
  const products = plan.tables.find(({ table }) => table === 'public.products');
  const row = products?.rows?.find(({ op }) => op === 'update');
  const { before, after } = row ?? {};
  if (!before || !after) return '';
  const changes = Object.keys(after)
    .filter((column) => column in before && before[column] !== after[column])
    .map((column) => `${column} ${before[column] ?? 'NULL'} → ${after[column] ?? 'NULL'}`);
  const key = Object.entries(row?.key ?? {}).map(([column, value]) => `${column} ${value ?? 'NULL'}`);
  return `  For example, the product with ${key.join(', ')}:\n      ${changes.join('\n      ')}`;
}

function describeRestored({ restore, example }: StepOf<'restored'>): string {
  const written = restore.tables.reduce((sum, { inserted, updated, deleted }) => sum + inserted + updated + deleted, 0);
  const safety =
    restore.safetyBackupId === null ? '' : `First a safety backup was made (${shortId(restore.safetyBackupId)}). `;
  return `5 · The restore
  ${safety}Then ${counted(written, 'row')} were written in one transaction,
  read again and compared before it was committed: ${formatDuration(restore.durationMs)}. At ${example.tenant}:
      ${example.product}: ${example.price}
      settings: ${shortened(example.settings)}`;
}

function describeProved({ slice, others }: Proof): string {
  return `6 · The proof, by checksums that the database made over all of its rows
  ${mark(slice.differing)}  the slice: ${counted(slice.rows, 'row')} in ${counted(slice.tables, 'table')}, ${wrong(slice.differing, 'each as it was before the deploy')}
  ${mark(others.differing)}  all others: ${counted(others.rows, 'row')} in ${counted(others.tables, 'table')}, ${wrong(others.differing, 'none touched by the restore')}`;
}

const mark = (differing: readonly string[]): string => (differing.length === 0 ? '✔' : '✘');
const wrong = (differing: readonly string[], right: string): string =>
  differing.length === 0 ? right : `but these differ: ${differing.join(', ')}`;

function ending(durationMs: number, steps: readonly DemoStep[]): string {
  const backup = steps.find((step) => step.step === 'backed-up')?.backup.id ?? '';
  const restore = steps.find((step) => step.step === 'restored')?.restore.id ?? '';
  const next = [
    ['backup list', 'what there is'],
    [`backup rows ${shortId(backup)} public.products`, 'look inside without restoring'],
    [`restore undo ${shortId(restore)} --yes`, 'take the restore back: the damage returns …'],
    [`diff ${shortId(backup)} live`, '… and shows'],
    [`restore plan ${shortId(backup)}`, 'then mend it yourself'],
    ['--help', 'everything else'],
  ].map(([command = '', meaning = '']) => `  npx cofre ${command.padEnd(40)} ${meaning}`);
  return `Done in ${formatDuration(durationMs)}. The platform stays as it is, so that you can go on:\n\n${next.join('\n')}`;
}

const SHOWN_CHARACTERS = 48;

function shortened(text: string): string {
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS - 1)}…`;
}

function joined(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}
