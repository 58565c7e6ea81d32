import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CofreError } from '@cofre/contracts';

const run = promisify(execFile);

/** The user of the operating system that the server runs as. PostgreSQL refuses to run as root. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

const USER_NAME = 'postgres';

/** null: the server runs as ourselves. As root it runs as `postgres`, which is made where it is missing. */
export async function serverUser(): Promise<ServerUser | null> {
  if (process.getuid?.() !== 0) return null;
  const found = await lookUp();
  if (found !== null) return found;
  await createUser();
  const made = await lookUp();
  if (made === null) throw new CofreError('embedded/failed', `user ${USER_NAME} was made but cannot be found`);
  return made;
}

async function lookUp(): Promise<ServerUser | null> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', USER_NAME]), run('id', ['-g', USER_NAME])]);
    return { uid: Number(uid.stdout.trim()), gid: Number(gid.stdout.trim()) };
  } catch {
    return null; // `id` exits with 1 for a user that does not exist.
  }
}

/** `useradd` is Debian's and Red Hat's, `adduser -D` is Alpine's. Two commands at once may both try: the loser finds it made. */
async function createUser(): Promise<void> {
  const attempts: readonly (readonly [string, readonly string[]])[] = [
    ['useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', USER_NAME]],
    ['adduser', ['-S', '-D', '-H', USER_NAME]],
  ];
  let cause: unknown;
  for (const [file, args] of attempts) {
    try {
      await run(file, [...args]);
      return;
    } catch (error) {
      cause = error;
      if ((await lookUp()) !== null) return;
    }
  }
  throw new CofreError(
    'embedded/failed',
    `PostgreSQL does not run as root, and user ${USER_NAME} could not be made. Nothing was changed.`,
    { cause, hint: `Make a user named ${USER_NAME}, or run as another user than root, or set DATABASE_URL.` },
  );
}
