import { Command as Commander, Option } from 'commander';
import type { Command } from './run.ts';
import { VERSION } from './version.ts';

/** Runs a command once it is known which: its code is loaded only then, so that `cofre --version` loads nothing. */
export type Start = (input: {
  readonly load: () => Promise<Command>;
  readonly operands: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}) => Promise<void>;

/** Every command with its arguments and options; what they do stands in `commands/`. */
export function buildProgram(start: Start): Commander {
  const program = new Commander('cofre')
    .description('Backs up one module of a running application, and puts back exactly the part that was lost.')
    .version(VERSION)
    .showHelpAfterError(false)
    .configureHelp({ showGlobalOptions: false });
  const declare = declarer(start);
  addDatabase(program, declare);
  addRepository(program, declare);
  addModules(program, declare);
  addBackups(program, declare);
  addDiff(program, declare);
  addRestores(program, declare);
  addPolicy(program, declare);
  addAdministrators(program, declare);
  addRuns(program, declare);
  addJobs(program, declare);
  addRest(program, declare);
  return program;
}

type Declare = (command: Commander, load: () => Promise<Command>) => Commander;

/** The options of every command, and what happens when it is called. */
function declarer(start: Start): Declare {
  return (command, load) =>
    command
      .option('--json', 'print one JSON document')
      .addOption(new Option('--progress <style>', 'progress on stderr').choices(['none', 'bar', 'json']))
      .action(async (...given: unknown[]) => {
        const operands = given
          .slice(0, -2)
          .flat()
          .filter((operand) => typeof operand === 'string');
        await start({ load, operands, options: command.opts() });
      });
}

function addDatabase(program: Commander, declare: Declare): void {
  const db = program.command('db').description('the catalogue in the application’s database');
  declare(
    db.command('migrate').description('apply what is missing'),
    async () => (await import('./commands/db.ts')).dbMigrate,
  );
  declare(
    db.command('status').description('show what was applied'),
    async () => (await import('./commands/db.ts')).dbStatus,
  );
}

function addRepository(program: Commander, declare: Declare): void {
  const load = () => import('./commands/repo.ts');
  const repo = program.command('repo').description('where backups live');
  declare(
    repo
      .command('init')
      .description('make a repository; a passphrase or key file encrypts it')
      .addOption(new Option('--encryption <suite>', 'none must be said').choices(['aes-256-gcm', 'none']))
      .addOption(new Option('--compression <kind>', 'what backups use').choices(['zstd', 'gzip', 'none'])),
    async () => (await load()).repoInit,
  );
  declare(
    repo.command('recovery').description('add RECOVERY.md and the standalone reader to an older repository'),
    async () => (await load()).repoRecovery,
  );
  declare(repo.command('info').description('show it'), async () => (await load()).repoInfo);
  declare(
    repo
      .command('check')
      .description('look for damage and name the backups it hurts')
      .option('--read-data [n/t]', 'read and open every byte, or the n-th of t shares of them'),
    async () => (await load()).repoCheck,
  );
  declare(
    repo
      .command('gc')
      .description('free what no backup uses any more')
      .option('--dry-run', 'only say what would be freed')
      .option('--grace <duration>', 'how long it lies in the trash first, such as 6h; 24h unless said otherwise'),
    async () => (await load()).repoGc,
  );
  declare(
    repo.command('import').description('rebuild the catalogue from the manifests, after it was lost or rolled back'),
    async () => (await load()).repoImport,
  );
  addKeys(repo, declare);
}

function addKeys(repo: Commander, declare: Declare): void {
  const load = () => import('./commands/repo-key.ts');
  const key = repo.command('key').description('which passphrases and key files open an encrypted repository');
  declare(key.command('list').description('list them'), async () => (await load()).repoKeyList);
  declare(
    key
      .command('add')
      .description('let another passphrase (COFRE_NEW_PASSPHRASE, else asked for) or key file open it')
      .option('--key-file <file>', 'a key file, 32 bytes, instead of a passphrase'),
    async () => (await load()).repoKeyAdd,
  );
  declare(
    key
      .command('remove')
      .argument('<key>', 'its id, or how that begins')
      .description('take one away; never the one that the repository is open with')
      .option('--yes', 'do it'),
    async () => (await load()).repoKeyRemove,
  );
  declare(
    key.command('rotate').description('seal what is new with a new root key; what is there stays readable'),
    async () => (await load()).repoKeyRotate,
  );
}

function addModules(program: Commander, declare: Declare): void {
  const load = () => import('./commands/module.ts');
  const module = program.command('module').description('which tables and rows belong to a module');
  declare(
    module
      .command('discover')
      .description('follow foreign keys from a table and print a definition')
      .requiredOption('--root <table>', 'where to begin')
      .option('--name <slug>', 'the module’s slug'),
    async () => (await load()).moduleDiscover,
  );
  declare(
    module
      .command('apply')
      .argument('<file>', 'YAML or JSON; - reads standard input')
      .description('check a definition and keep it'),
    async () => (await load()).moduleApply,
  );
  declare(module.command('list').description('list modules'), async () => (await load()).moduleList);
  declare(
    module.command('show').argument('<slug>').description('show a definition and its implementations'),
    async () => (await load()).moduleShow,
  );
  const loadImplementations = () => import('./commands/implementation.ts');
  const implementation = program.command('implementation').description('the variants of modules that are backed up');
  declare(
    implementation
      .command('add')
      .argument('<module>')
      .argument('<key>')
      .description('name a slice')
      .option('--scope <json>', 'the root key it stands for, for example \'{"store_id": 1}\'')
      .option('--name <text>', 'what people call it'),
    async () => (await loadImplementations()).implementationAdd,
  );
  declare(
    implementation.command('list').description('list implementations'),
    async () => (await loadImplementations()).implementationList,
  );
}

function addBackups(program: Commander, declare: Declare): void {
  const load = () => import('./commands/backup.ts');
  const backup = program.command('backup').description('make backups and look inside');
  declare(
    backup
      .command('create')
      .argument('[implementations...]', 'ids or module/key')
      .description('back up implementations')
      .option('--module <slug>', 'all implementations of a module')
      .option('--all', 'all implementations')
      .option('--type <type>', 'full (default), incremental or config_only')
      .option('--description <text>', 'what it was made for')
      .option('--expires <after>', '30d, 12h or never (default: as the policy says)')
      .option('--compression <kind>', 'zstd, gzip or none (default: the repository’s)'),
    async () => (await load()).backupCreate,
  );
  declare(
    backup
      .command('list')
      .description('list backups, newest first')
      .option('--implementation <name>', 'only of this one; also when it was deleted')
      .option('--type <type>', 'only of this type')
      .option('--status <status>', 'only with this status; cancelled ones are listed only so')
      .option('--since <time>', 'made since: 2025-01-21, or 7d ago')
      .option('--until <time>', 'made before')
      .option('--module <slug>', 'only of this module')
      .option('--expired', 'whose end has passed')
      .option('--held', 'that are on hold')
      .option('--text <words>', 'with words that begin so in the description')
      .option('--sort <order>', 'newest (default), oldest, largest or expiring-first')
      .option('--limit <n>', 'so many (default: 50)')
      .option('--cursor <cursor>', 'the next page, as the page before named it'),
    async () => (await load()).backupList,
  );
  declare(
    backup.command('show').argument('<id>').description('show one backup'),
    async () => (await load()).backupShow,
  );
  declare(
    backup
      .command('rows')
      .argument('<id>')
      .argument('<table>')
      .description('show rows of a backup without restoring it')
      .addOption(later('--where <condition>'))
      .option('--limit <n>', 'so many (default: 50)'),
    async () => (await load()).backupRows,
  );
  addCareOfBackups(backup, declare);
}

function addCareOfBackups(backup: Commander, declare: Declare): void {
  const load = () => import('./commands/backup.ts');
  declare(
    backup
      .command('verify')
      .argument('[id]')
      .description('read and check every byte of a backup')
      .option('--all', 'of all completed backups')
      .option('--restore', 'prove it: restore it into a scratch schema, compare, and take that away again'),
    async () => (await load()).backupVerify,
  );
  declare(
    backup
      .command('delete')
      .argument('<id>')
      .description('delete a backup, and no other')
      .option('--yes', 'yes, delete it'),
    async () => (await load()).backupDelete,
  );
  declare(
    backup
      .command('hold')
      .argument('<id>')
      .description('keep a backup from being deleted and from expiring')
      .option('--reason <text>', 'why'),
    async () => (await load()).backupHold,
  );
  declare(
    backup.command('release').argument('<id>').description('end a hold'),
    async () => (await load()).backupRelease,
  );
  declare(
    backup
      .command('export')
      .argument('<id>')
      .description('write a backup as plain files, without a database')
      .addOption(
        new Option('--format <format>', 'sql (for psql), csv or jsonl (a file per table)')
          .choices(['sql', 'csv', 'jsonl'])
          .makeOptionMandatory(),
      )
      .option('--output <folder>', 'a new or empty folder; without it SQL is printed')
      .option('--table <tables...>', 'only these tables')
      .option('--with-secrets', 'also the columns that the definition calls secret')
      .option('--data-only', 'SQL of the rows alone, for tables that are there'),
    async () => (await import('./commands/backup-export.ts')).backupExport,
  );
}

function addDiff(program: Commander, declare: Declare): void {
  declare(
    program
      .command('diff')
      .argument('<from>', 'a backup')
      .argument('<to>', 'a backup, or live')
      .description('what changed, per table')
      .option('--table <tables...>', 'only these tables')
      .option('--rows', 'each row, with old and new values'),
    async () => (await import('./commands/diff.ts')).diff,
  );
}

function withSelection(command: Commander): Commander {
  return command
    .option('--mode <mode>', 'merge (default): put back what is missing or changed, delete nothing')
    .option('--config-only', 'only tables of role config')
    .option('--table <tables...>', 'only these tables')
    .addOption(later('--key <keys...>'))
    .addOption(later('--where <conditions...>'))
    .addOption(later('--tenant <tenant>'))
    .addOption(later('--path <paths...>'))
    .addOption(later('--revert <range>'));
}

/** An option of a later version: refused by name, and not in the help. */
function later(flags: string): Option {
  return new Option(flags).hideHelp();
}

function addRestores(program: Commander, declare: Declare): void {
  const load = () => import('./commands/restore.ts');
  const restore = program.command('restore').description('put back what was lost');
  declare(
    withSelection(
      restore.command('plan').argument('<backup>').description('compute what a restore would do, and keep it'),
    ).option('--rows', 'print each row, with old and new values'),
    async () => (await load()).restorePlan,
  );
  declare(
    withSelection(restore.command('apply').argument('<plan>', 'a plan, or a backup').description('carry out a plan'))
      .addOption(later('--allow-collateral <tables...>'))
      .option('--no-safety-backup', 'make no backup of what is there now')
      .option('--yes', 'yes, change the data'),
    async () => (await load()).restoreApply,
  );
  declare(
    restore
      .command('undo')
      .argument('<restore>')
      .description('put back what a restore overwrote')
      .option('--no-safety-backup', 'make no backup of what is there now')
      .option('--yes', 'yes, change the data'),
    async () => (await load()).restoreUndo,
  );
  declare(
    restore
      .command('list')
      .description('list restores')
      .option('--implementation <name>', 'only of this one')
      .option('--limit <n>', 'so many (default: 50)'),
    async () => (await load()).restoreList,
  );
}

function withPlace(command: Commander): Commander {
  return command
    .option('--implementation <name>', 'of one implementation; default: those for all')
    .option('--module <slug>', 'of a module');
}

function withSettings(command: Commander): Commander {
  return command
    .option('--schedule <cron>', 'five fields, like "0 3 * * *"; or none')
    .option('--time-zone <name>', 'in which the schedule is read, like America/Sao_Paulo')
    .option('--type <type>', 'of scheduled backups')
    .option('--skip-unchanged <on|off>', 'keep no scheduled backup of an unchanged slice')
    .option('--retention-days <n>', 'how long a backup stays; or none: age removes nothing')
    .option('--keep-last <n>', 'the newest so many stay, however old; or none')
    .option('--minimum-kept <n>', 'so many are never removed by clean-up')
    .option('--safety-days <n>', 'how long the backups stay that restores take')
    .option('--orphan-grace-days <n>', 'how long backups outlive their implementation')
    .option('--overdue-grace-minutes <n>', 'how late a scheduled backup may be')
    .option('--space-freed-threshold-bytes <n>', 'tell administrators when clean-up freed more')
    .option('--audit <events...>', 'EVENT=on or EVENT=off');
}

function addPolicy(program: Commander, declare: Declare): void {
  const load = () => import('./commands/policy.ts');
  const policy = program.command('policy').description('when backups are made, and how long they stay');
  declare(
    withPlace(policy.command('show').description('what is in force, and where each value comes from')),
    async () => (await load()).policyShow,
  );
  declare(
    withSettings(withPlace(policy.command('set').description('change it'))).option(
      '--unset <settings...>',
      'inherit these again, named like the options',
    ),
    async () => (await load()).policySet,
  );
  declare(
    withSettings(
      withPlace(policy.command('simulate').description('what clean-up would remove, with these settings or others')),
    ).option('--now <time>', 'when it is imagined to run'),
    async () => (await load()).policySimulate,
  );
}

function addAdministrators(program: Commander, declare: Declare): void {
  const load = () => import('./commands/admin.ts');
  const admin = program.command('admin').description('who may change things');
  declare(
    admin.command('add').argument('<email>').description('let a person change things'),
    async () => (await load()).adminAdd,
  );
  declare(
    admin.command('remove').argument('<email>').description('take the right away'),
    async () => (await load()).adminRemove,
  );
  declare(
    admin
      .command('reset')
      .argument('<email>')
      .description('make a person the only administrator')
      .option('--yes', 'yes, remove the others'),
    async () => (await load()).adminReset,
  );
  declare(
    admin
      .command('password')
      .argument('<email>')
      .description('give a person who forgot theirs a password that opens the web admin once'),
    async () => (await load()).adminPassword,
  );
  declare(admin.command('list').description('show them'), async () => (await load()).adminList);
}

function addRest(program: Commander, declare: Declare): void {
  declare(
    program
      .command('demo')
      .description('show the main job on a platform of its own')
      .option('--into-my-database', 'load and damage the demo in the database that DATABASE_URL names')
      .option('--damage', 'only damage the platform that is there, as a bad deploy would, and leave it so'),
    async () => (await import('./commands/demo.ts')).demo,
  );
  declare(
    program.command('doctor').description('check the set-up and say what is wrong'),
    async () => (await import('./commands/doctor.ts')).doctor,
  );
  declare(
    program
      .command('serve')
      .description('web admin and worker together; without DATABASE_URL with a platform to try things on')
      .option('--port <n>', 'where the web admin listens (default: PORT, else 3000)')
      .option('--host <address>', 'on which address (default: 127.0.0.1)')
      .option('--email <address>', 'who is the first administrator')
      .option('--new-password', 'give that administrator a new one-time password'),
    async () => (await import('./commands/serve.ts')).serve,
  );
}

function addRuns(program: Commander, declare: Declare): void {
  declare(
    program
      .command('schedule')
      .description('scheduled backups')
      .command('run')
      .description('back up what is due now')
      .option('--now <time>', 'what is due then')
      .option('--limit <n>', 'at most so many implementations'),
    async () => (await import('./commands/schedule.ts')).scheduleRun,
  );
  declare(
    program
      .command('cleanup')
      .description('what has expired')
      .command('run')
      .description('delete backups whose time is over, and free what nothing needs')
      .option('--now <time>', 'as if it were then')
      .option('--limit <n>', 'at most so many backups')
      .option('--dry-run', 'only say what would go'),
    async () => (await import('./commands/cleanup.ts')).cleanupRun,
  );
  declare(
    program
      .command('stats')
      .description('figures: what is stored, what was made, how much of it succeeded')
      .option('--implementation <name>', 'only of this one')
      .option('--module <slug>', 'only of this module')
      .option('--since <time>', 'counted since: 2025-01-21, or 7d ago (default: 30d)'),
    async () => (await import('./commands/stats.ts')).stats,
  );
  declare(
    program
      .command('worker')
      .description('run jobs and schedules until it is stopped')
      .option('--concurrency <n>', 'so many jobs at the same time (default: 2)')
      .option('--port <n>', 'health and metrics over HTTP; 0 takes any free port (default: 9464)')
      .option('--host <address>', 'where that listens (default: 127.0.0.1)'),
    async () => (await import('./commands/worker.ts')).worker,
  );
}

function addJobs(program: Commander, declare: Declare): void {
  const load = () => import('./commands/job.ts');
  const job = program.command('job').description('what was asked for and is done by a worker');
  declare(
    job
      .command('list')
      .description('list jobs, the newest first')
      .option('--state <state>', 'only waiting, running, deferred, completed, failed or canceled ones')
      .option('--implementation <name>', 'only of this one')
      .option('--limit <n>', 'so many (default: 50)')
      .option('--cursor <cursor>', 'the next page, as the page before named it'),
    async () => (await load()).jobList,
  );
  declare(
    job.command('show').argument('<id>').description('show one job and how far it is'),
    async () => (await load()).jobShow,
  );
  declare(
    job.command('cancel').argument('<id>').description('stop a job, as if it had never begun'),
    async () => (await load()).jobCancel,
  );
}
