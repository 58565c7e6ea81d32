/**
 * Every code that a user can meet, in one list: the exit code of the CLI, whether trying again can help, and the
 * words for its page in `docs/errors/` (generated from here by `script/build-docs`). A code is a promise: add, never rename.
 */
export interface ErrorFacts {
  /** Exit code of the CLI, as `surface.md` lists them. */
  readonly exit: 1 | 2 | 4 | 10 | 11 | 12 | 13 | 14 | 15 | 130;
  readonly title: string;
  readonly cause: string;
  readonly remedy: string;
  /** True where the same call may succeed later with nothing else changed. */
  readonly retryable?: true;
}

export const ERROR_CODES = {
  'usage/invalid': {
    exit: 2,
    title: 'The command was not understood',
    cause: 'A flag, an argument or a value is missing, unknown or malformed.',
    remedy: 'Run the command with --help and correct the call. Nothing was started.',
  },
  'usage/confirmation-needed': {
    exit: 2,
    title: 'This changes data and was not confirmed',
    cause: 'The command writes or deletes and was called without --yes.',
    remedy: 'Look at the plan, then call again with --yes.',
  },
  'usage/not-available-yet': {
    exit: 2,
    title: 'This version cannot do that yet',
    cause: 'The option belongs to a feature that this version does not have.',
    remedy: 'Leave the option away; the changelog says when it arrives. Nothing was changed.',
  },
  'repository/not-found': {
    exit: 10,
    title: 'There is no repository here',
    cause:
      'The place that COFRE_REPOSITORY names holds no cofre.json: it is another place, there never was a repository, or its disk or folder was taken away.',
    remedy:
      'Check the address, and that the disk is mounted or the folder where it was. Where there never was a repository, make one with `cofre repo init`.',
  },
  'repository/exists': {
    exit: 1,
    title: 'A repository is already here',
    cause: '`repo init` found a cofre.json, or objects of another repository, at this place.',
    remedy: 'Use the repository as it is, or choose an empty place. Nothing was changed.',
  },
  'repository/newer-format': {
    exit: 1,
    title: 'The repository was made by a newer version',
    cause: 'Its format version is higher than this program knows.',
    remedy: 'Update Cofre. Nothing was read or changed.',
  },
  'repository/damaged': {
    exit: 4,
    title: 'An object of the repository is damaged',
    cause: 'Bytes were changed, cut or swapped: a checksum, an authentication tag or a structure does not fit.',
    remedy:
      'Run `cofre repo check --read-data` to learn which backups are hurt; the others still restore. Restore the named object from a copy of the repository.',
  },
  'repository/object-missing': {
    exit: 4,
    title: 'An object of the repository is missing',
    cause: 'A pack, manifest or key that a backup needs is not in the store.',
    remedy:
      'Run `cofre repo check` to learn which backups are hurt; the others still restore. Bring the named object back from a copy of the repository.',
  },
  'repository/key-required': {
    exit: 12,
    title: 'The repository is encrypted and no key was given',
    cause: 'Neither COFRE_PASSPHRASE nor COFRE_KEY_FILE is set.',
    remedy: 'Set one of the two and call again. Nothing was read.',
  },
  'repository/key-wrong': {
    exit: 12,
    title: 'The key does not open this repository',
    cause: 'The passphrase or key file fits none of the repository’s key slots.',
    remedy: 'Check for a typing error and that the repository is the right one. Nothing was read.',
  },
  'repository/key-not-wanted': {
    exit: 12,
    title: 'A key was given for a repository that is not encrypted',
    cause:
      'COFRE_PASSPHRASE or COFRE_KEY_FILE is set, yet the repository is plain; backups would be stored readable by everyone.',
    remedy:
      'Unset the key if the repository is meant to be plain; otherwise check the address: an attacker may have replaced cofre.json.',
  },
  'repository/key-not-found': {
    exit: 2,
    title: 'There is no such key',
    cause: 'No key of the repository has this id, or several have ids that begin so.',
    remedy: '`cofre repo key list` shows them. Nothing was changed.',
  },
  'repository/key-needed': {
    exit: 1,
    title: 'This key cannot be removed',
    cause: 'It is the one that the repository was opened with, or it opens what the given key does not.',
    remedy:
      'Open the repository with another key that opens all, which `cofre repo key list` shows, and call again. Nothing was removed.',
  },
  'repository/keys-busy': {
    exit: 11,
    title: 'Somebody else changes the keys of this repository',
    cause: 'Another process added or removed a key at the same moment.',
    remedy: 'Look at `cofre repo key list`, and call again if it is not as you want it. Every backup stays readable.',
    retryable: true,
  },
  'repository/kit-taken': {
    exit: 15,
    title: 'The recovery kit was handed out already',
    cause: 'It holds the key of the repository, so it is given once; the audit log says to whom.',
    remedy:
      'Ask who has it. The operator can also keep a copy of the key file, which COFRE_KEY_FILE or `config.json` in COFRE_HOME names.',
  },
  'repository/identity-changed': {
    exit: 4,
    title: 'This is not the repository that was used before',
    cause: 'The id or the root keys of cofre.json differ from those pinned in the catalogue.',
    remedy:
      'Check COFRE_REPOSITORY. If the repository was replaced on purpose, run `cofre repo init` anew or `cofre repo import`.',
  },
  'storage/unavailable': {
    exit: 1,
    title: 'The place where backups live cannot be reached',
    cause: 'The disk, network or object store answered with an error.',
    remedy: 'Check the store and call again. Completed backups are unharmed.',
    retryable: true,
  },
  'storage/not-found': {
    exit: 10,
    title: 'The place where backups live does not exist',
    cause: 'The bucket that COFRE_REPOSITORY names is not in this store.',
    remedy: 'Check the name, the endpoint and the region, or make the bucket, and call again. Nothing was changed.',
  },
  'storage/full': {
    exit: 1,
    title: 'The place where backups live is full',
    cause: 'A write failed for lack of space or quota.',
    remedy:
      'Free space or raise the quota, then call again. Completed backups are unharmed; what was half written is cleaned up later.',
    retryable: true,
  },
  'storage/not-permitted': {
    exit: 15,
    title: 'The store refused access',
    cause: 'File permissions or credentials do not allow the operation.',
    remedy: 'Grant access to the folder or bucket and call again.',
  },
  'database/unreachable': {
    exit: 1,
    title: 'The database cannot be reached',
    cause: 'The server in DATABASE_URL does not answer, or refuses the login.',
    remedy:
      'Check the address, the credentials and that the server runs; `cofre doctor` tells more. Nothing was changed.',
    retryable: true,
  },
  'database/connection-lost': {
    exit: 1,
    title: 'The connection to the database broke off',
    cause: 'The server was restarted, or the network failed, in the middle of the work.',
    remedy: 'Call again. An unfinished transaction was rolled back by the server: nothing was changed.',
    retryable: true,
  },
  'database/unsupported': {
    exit: 1,
    title: 'This database is not supported',
    cause:
      'The server is older than PostgreSQL 14, or its encoding is SQL_ASCII, so that text cannot be read without doubt.',
    remedy: 'Upgrade or convert the database. Nothing was changed.',
  },
  'database/not-permitted': {
    exit: 15,
    title: 'The database role may not do this',
    cause: 'The role in DATABASE_URL lacks a privilege on one of the tables.',
    remedy: 'Grant the privilege that the message names, or use another role. Nothing was changed.',
  },
  'database/row-security': {
    exit: 15,
    title: 'Row-level security would hide rows from the backup',
    cause: 'A policy applies to the role in DATABASE_URL, so it may see only a part of the slice.',
    remedy: 'Use the owner of the tables or a role with BYPASSRLS. Nothing was written.',
  },
  'database/lock-timeout': {
    exit: 11,
    title: 'A lock could not be had in time',
    cause: 'Another session holds a conflicting lock on a table or row of the slice.',
    remedy: 'Wait for it to finish, or find it with `cofre doctor`, and call again. Nothing was changed.',
    retryable: true,
  },
  'database/failed': {
    exit: 1,
    title: 'The database answered with an error',
    cause: 'A statement failed for a reason that the message gives.',
    remedy: 'Read the message; it names the table or constraint. The transaction was rolled back.',
  },
  'embedded/failed': {
    exit: 1,
    title: 'The embedded PostgreSQL did not start',
    cause: 'Its data directory cannot be used, its port is taken, or its binaries cannot run on this machine.',
    remedy: 'Read the log that the message names, or set DATABASE_URL to a server of your own.',
  },
  'catalogue/not-migrated': {
    exit: 1,
    title: 'The catalogue’s tables are missing or old',
    cause: 'The database has not had all of Cofre’s migrations.',
    remedy: 'Run `cofre db migrate`.',
  },
  'catalogue/newer': {
    exit: 1,
    title: 'The catalogue was migrated by a newer version',
    cause: 'The database has migrations that this program does not know.',
    remedy: 'Update Cofre. Nothing was changed.',
  },
  'catalogue/migration-changed': {
    exit: 1,
    title: 'A migration differs from the one that was applied',
    cause: 'The checksum of an applied migration is not the checksum of the file with its name.',
    remedy: 'Restore the original file; changes go into a new migration. Nothing was changed.',
  },
  'module/not-found': {
    exit: 1,
    title: 'There is no such module',
    cause: 'No definition with this slug is kept in the database.',
    remedy: '`cofre module list` shows those that exist; `cofre module apply` adds one.',
  },
  'definition/invalid': {
    exit: 2,
    title: 'The definition has faults',
    cause:
      'It names what is not in the database, or contradicts itself; every fault is listed with its place in the file.',
    remedy: 'Correct the listed places and apply it again. The kept definition is unchanged.',
  },
  'definition/overlap': {
    exit: 14,
    title: 'A row belongs to two implementations of one module',
    cause: 'The scopes of two implementations meet, so a restore of one would change the other.',
    remedy: 'Change the scope of one of the implementations that the message names. Nothing was written.',
  },
  'implementation/not-found': {
    exit: 1,
    title: 'There is no such implementation',
    cause: 'No implementation has this id or module/key.',
    remedy: '`cofre implementation list` shows those that exist; `cofre implementation add` adds one.',
  },
  'implementation/exists': {
    exit: 1,
    title: 'The implementation exists already',
    cause: 'The module has an implementation with this key.',
    remedy: 'Use it, or choose another key. Nothing was changed.',
  },
  'implementation/scope-missing': {
    exit: 1,
    title: 'The implementation has no backup scope',
    cause: 'Its definition has a root key of its own, but the implementation does not say which value it stands for.',
    remedy: 'Add it again with --scope, for example `--scope \'{"store_id": 1}\'`.',
  },
  'backup/not-found': {
    exit: 1,
    title: 'There is no such backup',
    cause: 'No backup has this id or prefix.',
    remedy: '`cofre backup list` shows those that exist.',
  },
  'backup/ambiguous': {
    exit: 2,
    title: 'More than one backup begins like this',
    cause: 'The shortened id fits several backups.',
    remedy: 'Give more characters of the id.',
  },
  'backup/busy': {
    exit: 11,
    title: 'A backup or restore of this implementation is running',
    cause: 'One implementation has one backup or restore at a time.',
    remedy: 'Wait for it to finish, or cancel it, and call again. Nothing was changed.',
    retryable: true,
  },
  'backup/not-restorable': {
    exit: 1,
    title: 'This backup did not complete',
    cause: 'It failed, was cancelled or is still running, so there is nothing to read.',
    remedy: 'Choose a backup whose status is completed.',
  },
  'backup/duplicate-key': {
    exit: 1,
    title: 'Two rows have the same key',
    cause:
      'The server returned a key twice or out of order: the index that should make it unique is corrupt, or collations changed.',
    remedy:
      'Run `REINDEX` on the table that the message names (pg_amcheck tells more) and back up again. No backup was written.',
  },
  'backup/schema-changing': {
    exit: 1,
    title: 'The tables changed while they were read',
    cause: 'A migration ran during the backup, each time it was tried.',
    remedy: 'Let the migration finish and back up again. No backup was written.',
    retryable: true,
  },
  'backup/unsupported-table': {
    exit: 1,
    title: 'A table cannot be backed up',
    cause: 'It is a view, a foreign table or of another kind whose rows cannot be read at a snapshot.',
    remedy: 'Take it out of the definition. No backup was written.',
  },
  'backup/not-proven': {
    exit: 4,
    title: 'The backup did not come back as it went in',
    cause:
      'It was restored into a scratch schema, and there a table was not as the backup says: rows or values differ, or two rows have the same key.',
    remedy:
      'The message names the table and the reason. Make a new backup and prove it with `cofre backup verify --restore`; keep this one until that is done. Nothing was changed in the database.',
  },
  'backup/held': {
    exit: 14,
    title: 'The backup is on hold',
    cause: 'Somebody put a hold on it, so that it is neither deleted nor expires.',
    remedy: 'Release it with `cofre backup release`, if that is meant, and call again. Nothing was deleted.',
  },
  'backup/interrupted': {
    exit: 130,
    title: 'Interrupted',
    cause: 'The command was stopped by a signal or cancelled.',
    remedy: 'Call again when you like. What was half written is not listed and is cleaned up later.',
  },
  'backup/took-too-long': {
    exit: 1,
    title: 'The backup took too long',
    cause:
      'More than twelve hours passed between its beginning and its end, by the clock of the repository. What it builds on may be cleaned up after that, so it is not listed.',
    remedy:
      'Call again; what slowed it down (a suspended machine, a slow network, a clock that was changed) may be over. Nothing was lost.',
    retryable: true,
  },
  'backup/needs-worker': {
    exit: 1,
    title: 'This is too large for an edge function',
    cause:
      'An edge function has two seconds of processor time and little memory; a slice, or one of its rows, is larger.',
    remedy: 'Run `cofre worker` beside the functions, or make this backup with the command line. Nothing was lost.',
  },
  'plan/not-found': {
    exit: 1,
    title: 'There is no such plan',
    cause: 'The id is unknown, or the plan has expired and was cleaned up.',
    remedy: 'Make a new one with `cofre restore plan`.',
  },
  'plan/stale': {
    exit: 13,
    title: 'The data changed since the plan was made',
    cause: 'A row that the plan names is not as the plan saw it, or the tables’ structure changed.',
    remedy: 'Make a new plan and look at it. Nothing was changed.',
  },
  'plan/expired': {
    exit: 13,
    title: 'The plan is too old',
    cause: 'A plan lives one hour.',
    remedy: 'Make a new plan and look at it. Nothing was changed.',
  },
  'plan/conflicts': {
    exit: 14,
    title: 'The plan has conflicts',
    cause: 'Rows cannot be put back without hurting something; the plan lists each.',
    remedy: 'Resolve the listed conflicts, or leave their tables out with --table. Nothing was changed.',
  },
  'plan/triggers': {
    exit: 14,
    title: 'Triggers would fire and change what is restored',
    cause: 'The role may not set session_replication_role, or a trigger is enabled ALWAYS or for replicas.',
    remedy:
      'Grant it (`GRANT SET ON PARAMETER session_replication_role TO …`) or use a role that may. Nothing was changed.',
  },
  'restore/not-found': {
    exit: 1,
    title: 'There is no such restore',
    cause: 'No restore has this id or prefix.',
    remedy: '`cofre restore list` shows those that were made.',
  },
  'restore/not-undoable': {
    exit: 1,
    title: 'This restore cannot be undone',
    cause: 'It failed (so there is nothing to undo), was undone already, or what undo needs has been cleaned up.',
    remedy: 'Restore from its safety backup instead. Nothing was changed.',
  },
  'restore/outcome-unknown': {
    exit: 1,
    title: 'It is not known whether the restore was committed',
    cause: 'The connection broke off in the moment of the commit, and the server could not be asked afterwards.',
    remedy:
      'Either everything was restored or nothing. When the server answers again, `cofre restore list` shows the restore if it was committed.',
  },
  'restore/verification-failed': {
    exit: 1,
    title: 'What was written is not what was promised',
    cause:
      'Reading the rows again before commit gave other values, most often because of a trigger or rule that the message names.',
    remedy: 'Everything was rolled back. Resolve the named cause and plan again.',
  },
  'restore/side-effect': {
    exit: 1,
    title: 'The restore would have changed something else',
    cause: 'Another table, or more rows than the plan names, were changed inside the transaction.',
    remedy: 'Everything was rolled back. Look at the rules and triggers of the tables that the message names.',
  },
  'access/not-signed-in': {
    exit: 15,
    title: 'Nobody is signed in',
    cause: 'The call came without a session or token, or with one that has ended.',
    remedy: 'Sign in and call again. Nothing was read or changed.',
  },
  'access/denied': {
    exit: 15,
    title: 'This is for administrators',
    cause:
      'The person who is signed in may look at lists, or at nothing here, but not do this. The attempt was logged.',
    remedy:
      'Ask an administrator, or the operator for `cofre admin add`. A new right is in force when the person signs in again. Nothing was read or changed.',
  },
  'access/person-exists': {
    exit: 1,
    title: 'Somebody has this address already',
    cause:
      'E-mail addresses name people, so each belongs to one of them; how its letters are cased makes no difference.',
    remedy: 'Use another address, or give the person who has it a new password. Nothing was changed.',
  },
  'access/supabase': {
    exit: 1,
    title: 'People of this database are kept by Supabase',
    cause: 'The schema auth is Supabase’s own, which makes people and their passwords.',
    remedy: 'Invite the person in Supabase, and set SUPABASE_URL for the web admin. Nothing was changed.',
  },
  'access/sign-in-refused': {
    exit: 15,
    title: 'The address and the password do not fit',
    cause: 'Nobody has this address, or the password is another one. Which of the two is not said.',
    remedy: 'Check for a typing error. An administrator, or `cofre admin password EMAIL`, gives a new password.',
  },
  'access/sign-in-unavailable': {
    exit: 1,
    title: 'Nobody can sign in at the moment',
    cause: 'Supabase, which keeps people and passwords, cannot be reached or does not answer.',
    remedy: 'Wait a moment and try again; if it stays so, check SUPABASE_URL and the state of the project.',
    retryable: true,
  },
  'access/password-refused': {
    exit: 2,
    title: 'The password was not changed',
    cause: 'The old password is another one, or the new one is too short or the same.',
    remedy: 'Type the old password again and choose a new one of at least 12 characters.',
  },
  'access/password-change-needed': {
    exit: 15,
    title: 'The password has to be changed first',
    cause: 'The person is signed in by a one-time password, which somebody else has seen.',
    remedy: 'Choose a password of your own. Nothing was read or changed.',
  },
  'access/too-many-attempts': {
    exit: 11,
    title: 'Too many attempts to sign in',
    cause: 'Wrong passwords were tried again and again, for this account or from this address.',
    remedy: 'Wait a quarter of an hour and try again.',
    retryable: true,
  },
  'access/person-not-found': {
    exit: 1,
    title: 'Nobody with this address has signed in yet',
    cause: 'No person with this e-mail address is known to the database.',
    remedy: 'Check the address, or let the person sign in once, and call again. Nothing was changed.',
  },
  'access/last-administrator': {
    exit: 14,
    title: 'This is the last administrator',
    cause: 'Without the person nobody listed here could change anything any more.',
    remedy: 'Add another administrator first. Nothing was changed.',
  },
  'settings/invalid-schedule': {
    exit: 2,
    title: 'The schedule is impossible',
    cause: 'It is no cron expression of five fields, its time zone is not known, or it names a time that never comes.',
    remedy:
      'Write it like `0 3 * * *` (every day at three) with a time zone like America/Sao_Paulo. Nothing was changed.',
  },
  'settings/changed-meanwhile': {
    exit: 13,
    title: 'Somebody else changed the settings meanwhile',
    cause: 'The settings have another revision than the one that was looked at.',
    remedy: 'Look at them again and repeat the change if it is still meant. Nothing was changed.',
  },
  'job/not-found': {
    exit: 1,
    title: 'There is no such job',
    cause: 'No job has this id, or it was cleaned up.',
    remedy: 'Look at the list of jobs. Nothing was changed.',
  },
  'job/abandoned': {
    exit: 1,
    title: 'The job was begun again and again, and never ended',
    cause: 'Each worker that ran it ended before it was done: killed, out of memory, or cut off from the database.',
    remedy:
      'Look at the logs of the workers and at their memory, and ask again. What was half done is not listed, and no data was changed.',
  },
  'function/not-configured': {
    exit: 1,
    title: 'The edge function is not set up',
    cause: 'A variable that it needs is missing, or cannot be used; the message names each.',
    remedy: 'Set them with `supabase secrets set` as docs/guides/edge-functions.md says. Nothing was read or changed.',
  },
  'serve/port-taken': {
    exit: 1,
    title: 'The port is taken',
    cause: 'Another program, or another Cofre, listens where the web admin is to listen.',
    remedy: 'End the other one, or choose another port: `./script/server --port 3001`.',
  },
  'serve/build-failed': {
    exit: 1,
    title: 'The web admin could not be built',
    cause: 'The build of the web admin ended with an error, which the message shows.',
    remedy: 'Remove apps/web/.next and try again; sources that were changed may be at fault.',
  },
  'serve/ended': {
    exit: 1,
    title: 'The web admin or the worker ended by itself',
    cause: 'One of the two processes ended, or did not begin to answer. The other was stopped, too.',
    remedy: 'Read what it wrote before; COFRE_LOG=debug makes it say more. Jobs go on when it is started again.',
  },
  'demo/database-given': {
    exit: 2,
    title: 'The demo does not touch a database of yours',
    cause: 'DATABASE_URL is set, and the demo makes tables, damages them and puts them back.',
    remedy:
      'Unset DATABASE_URL: the demo then starts a PostgreSQL of its own. If the database is meant for trying things out, add --into-my-database. Nothing was changed.',
  },
  'demo/tables-taken': {
    exit: 1,
    title: 'The demo’s tables would collide with others',
    cause:
      'The database has tables, modules or tenants with the names that the demo uses, and the demo did not make them.',
    remedy: 'Run the demo with another COFRE_HOME, so that it has a database of its own. Nothing was changed.',
  },
  'demo/not-alone': {
    exit: 1,
    title: 'There is more here than the demo',
    cause:
      'The demo’s accident was asked for where its platform is not loaded, or where there are modules, implementations or tenants beside it.',
    remedy: 'Try it in a database of its own: `./script/server` with another COFRE_HOME. Nothing was changed.',
  },
  'internal/bug': {
    exit: 1,
    title: 'Cofre made a mistake',
    cause: 'An assertion in the program failed.',
    remedy: 'Nothing is written after a failed assertion. Please report it with the output of COFRE_LOG=debug.',
  },
} as const satisfies Record<string, ErrorFacts>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Exit code of a batch in which some failed and the rest is whole. */
export const EXIT_PARTLY_DONE = 3;
