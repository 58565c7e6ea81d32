import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { backupId, CofreError, isCofreError } from '@cofre/contracts';
import {
  describeExport,
  type ExportFormat,
  exportFiles,
  type Manifest,
  outlineExport,
  printTable,
  Repository,
} from '@cofre/engine';
import { FileStore, nodeCodecs, readOnly, systemClock, systemRandom } from '@cofre/storage';
import { askKey, type Terminal } from './ask-key.ts';
import { writeFolder } from './write-folder.ts';

const USAGE = `Reads a Cofre repository that was copied into a folder. Changes nothing there.

  node cofre-reader-1.mjs list FOLDER [--json]
  node cofre-reader-1.mjs export FOLDER BACKUP --format sql|csv|jsonl --output NEW-FOLDER
       [--table NAME …] [--with-secrets] [--data-only]

An encrypted repository asks for its passphrase, takes it from COFRE_PASSPHRASE, or opens with --key-file FILE.
BACKUP is an id, its first characters, or latest.
`;

const FORMATS: readonly string[] = ['sql', 'csv', 'jsonl'] satisfies ExportFormat[];
const EXIT = { done: 0, failed: 1, usage: 2, damage: 4, noRepository: 10, wrongKey: 12 } as const;

const OPTIONS = {
  json: { type: 'boolean', default: false },
  format: { type: 'string' },
  output: { type: 'string' },
  table: { type: 'string', multiple: true },
  'key-file': { type: 'string' },
  'with-secrets': { type: 'boolean', default: false },
  'data-only': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

type Arguments = ReturnType<typeof parse>;

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
}

/** Carries out one command line and gives its exit code. */
export async function readRepository(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const parsed = parse(args);
    const [command, folder, backup, ...more] = parsed.positionals;
    if (parsed.values.help || command === undefined) {
      terminal.stdout.write(USAGE);
      return parsed.values.help ? EXIT.done : EXIT.usage;
    }
    if (folder === undefined || more.length > 0) throw usage('name a command and the folder of the repository');
    if (command === 'list' && backup === undefined) return await list(folder, parsed, terminal);
    if (command === 'export' && backup !== undefined) return await exportOne({ folder, backup }, parsed, terminal);
    throw usage(`there is no such command`);
  } catch (error) {
    terminal.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return exitCodeOf(error);
  }
}

function usage(what: string): CofreError {
  return new CofreError('usage/invalid', `Not understood: ${what}. --help says what there is.`);
}

function exitCodeOf(error: unknown): number {
  if (isCofreError(error, 'repository/damaged') || isCofreError(error, 'repository/object-missing')) return EXIT.damage;
  if (isCofreError(error, 'repository/not-found')) return EXIT.noRepository;
  if (isCofreError(error, 'repository/key-wrong') || isCofreError(error, 'repository/key-required'))
    return EXIT.wrongKey;
  const isUsage = isCofreError(error, 'usage/invalid') || error instanceof TypeError;
  return isUsage ? EXIT.usage : EXIT.failed;
}

async function openFolder(folder: string, { values }: Arguments, terminal: Terminal): Promise<Repository> {
  const config = await readFile(path.join(folder, 'cofre.json'), 'utf8').catch(() => null);
  if (config === null)
    throw new CofreError('repository/not-found', `There is no cofre.json in ${folder}: it is not a repository.`);
  return Repository.open({
    store: readOnly(new FileStore(folder)),
    codecs: nodeCodecs,
    clock: systemClock,
    random: systemRandom,
    key: mayBeEncrypted(config) ? await askKey(terminal, values['key-file']) : { kind: 'none' },
  });
}

/** Only to know whether to ask for a key. What the file says is checked when the repository is opened. */
function mayBeEncrypted(config: string): boolean {
  return !/"encryption":\s*"none"/.test(config);
}

/** Newest first. What does not open is told on the error stream and left out, so that one damaged manifest hides no other. */
async function manifests(repository: Repository, terminal: Terminal) {
  const found: Manifest[] = [];
  let hurt = 0;
  for await (const info of repository.listManifests()) {
    try {
      found.push(await repository.readManifest(info.implementationId, info.backupId));
    } catch (error) {
      hurt += 1;
      terminal.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
  found.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
  return { found, hurt };
}

async function list(folder: string, parsed: Arguments, terminal: Terminal): Promise<number> {
  const { found, hurt } = await manifests(await openFolder(folder, parsed, terminal), terminal);
  const rows = found.map(({ backupId: id, type, implementation, createdAt, description, stats, tables }) => ({
    id,
    implementation: `${implementation.module}/${implementation.key}`,
    type,
    createdAt,
    rows: stats.rows,
    description,
    tables: tables.map(printTable),
  }));
  const words = rows.map(
    (row) => `${row.id}  ${row.createdAt}  ${row.type.padEnd(12)}  ${row.implementation}  ${row.rows} rows\n`,
  );
  terminal.stdout.write(
    parsed.values.json ? `${JSON.stringify({ items: rows })}\n` : words.map(withoutControls).join(''),
  );
  return hurt === 0 ? EXIT.done : EXIT.damage;
}

/** Names are somebody else's: they are not to move the cursor. */
function withoutControls(line: string): string {
  return `${line.trimEnd().replaceAll(/\p{Cc}/gu, '?')}\n`;
}

async function exportOne(
  what: { readonly folder: string; readonly backup: string },
  parsed: Arguments,
  terminal: Terminal,
): Promise<number> {
  const { format, output, table: names, 'with-secrets': withSecrets, 'data-only': dataOnly } = parsed.values;
  if (!isFormat(format)) throw usage('--format is sql, csv or jsonl');
  if (output === undefined) throw usage('--output names a new folder');
  const repository = await openFolder(what.folder, parsed, terminal);
  const manifest = await findBackup(repository, what.backup, terminal);
  const outline = outlineExport(manifest, {
    format,
    tables: chosenTables(manifest, names),
    secrets: withSecrets ? 'written' : 'left-out',
    content: dataOnly ? 'rows' : 'structure-and-rows',
  });
  await writeFolder(output, exportFiles(repository, outline));
  const { complete, tables } = describeExport(outline);
  const left = complete
    ? ''
    : ' Not complete: tables were not asked for, or secret columns are left out (--with-secrets).';
  terminal.stdout.write(`Wrote ${tables.length} tables of the backup ${manifest.backupId} to ${output}.${left}\n`);
  return EXIT.done;
}

function isFormat(text: string | undefined): text is ExportFormat {
  return text !== undefined && FORMATS.includes(text);
}

function chosenTables(manifest: Manifest, names: readonly string[] | undefined) {
  if (names === undefined) return manifest.tables;
  const unknown = names.find((name) => !manifest.tables.some((table) => printTable(table) === name));
  if (unknown !== undefined)
    throw usage(`the backup has no table ${unknown}; it has ${manifest.tables.map(printTable).join(', ')}`);
  return manifest.tables.filter((table) => names.includes(printTable(table)));
}

async function findBackup(repository: Repository, wanted: string, terminal: Terminal): Promise<Manifest> {
  if (!backupId.safeParse(wanted).success) {
    const { found } = await manifests(repository, terminal);
    const fitting = wanted === 'latest' ? found.slice(0, 1) : found.filter((it) => it.backupId.startsWith(wanted));
    const [only, another] = fitting;
    if (only === undefined || another !== undefined)
      throw usage(`${only === undefined ? 'no backup' : 'more than one backup'} is called ${wanted}`);
    return only;
  }
  for await (const info of repository.listManifests())
    if (info.backupId === wanted) return repository.readManifest(info.implementationId, info.backupId);
  throw usage(`no backup is called ${wanted}`);
}
