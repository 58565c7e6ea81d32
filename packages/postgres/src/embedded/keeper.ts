import { spawn } from 'node:child_process';
import { access, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CofreError } from '@cofre/contracts';
import { writeAtOnce } from './place.ts';
import { isAlive, parseIdentity } from './process-identity.ts';

/**
 * The keeper stops the server when nobody uses it any more. It is a shell script: it takes a megabyte instead of
 * Node's forty. It is kept here as text and written into the home, because a bundle has no files beside it.
 *
 * Every second it looks at the files of `users`, named `<pid>.<started>.<id>`, and removes those of dead processes.
 * When there was none for the idle time it raises the flag `stopping`, *looks again*, and stops the server only if
 * there still is none. A command registers first and looks for the flag then, so one of the two sees the other.
 * It leaves when another keeper has put its name into `keeper`, and it also stops the server of a home that was deleted.
 */
const SCRIPT = `# Stops the embedded PostgreSQL of this folder when no process uses it any more. Made by Cofre.
folder=$1 data=$2 limit=$3

# Fields of /proc/PID/stat, counted from behind the program's name: 1 is the state, 20 the start. Sets state and started.
look() {
  state= started=0
  if [ -r /proc/self/stat ]; then
    IFS= read -r stat 2> /dev/null < "/proc/$1/stat" || return 1
    set -- \${stat##*) }
    state=$1
    shift 19
    started=$1
    [ "$state" != Z ]
  else
    ps -p "$1" > /dev/null 2>&1
  fi
}

someone() {
  found=1
  for file in "$folder"/users/*; do
    [ -e "$file" ] || continue
    name=\${file##*/}
    pid=\${name%%.*}
    rest=\${name#*.}
    wanted=\${rest%%.*}
    if look "$pid" && { [ "$wanted" = 0 ] || [ "$wanted" = "$started" ]; }; then found=0; else rm -f "$file"; fi
  done
  return $found
}

# Only a process that stands in the data directory is the server; the number may be another's by now.
server() {
  read -r pid 2> /dev/null < "$data/postmaster.pid" || return 1
  if [ -r /proc/self/stat ]; then [ "$(readlink "/proc/$pid/cwd")" = "$data" ]; else kill -0 "$pid" 2> /dev/null; fi
}

look "$$"
me=$$.$started
echo "$me" > "$folder/keeper.$$" && mv "$folder/keeper.$$" "$folder/keeper"
idle=0
while :; do
  sleep 1
  if [ -d "$folder" ]; then
    read -r owner 2> /dev/null < "$folder/keeper"
    [ "$owner" = "$me" ] || exit 0
  fi
  if someone; then idle=0; continue; fi
  idle=$((idle + 1))
  [ "$idle" -lt "$limit" ] && continue
  : 2> /dev/null > "$folder/stopping"
  if someone; then rm -f "$folder/stopping"; idle=0; continue; fi
  if server; then
    # SIGINT is the fast shutdown: it ends sessions and writes a checkpoint.
    kill -INT "$pid"
    wait=0
    while server && [ "$wait" -lt 120 ]; do sleep 1; wait=$((wait + 1)); done
  fi
  rm -f "$folder/keeper" "$folder/stopping"
  exit 0
done
`;

const POLL_MS = 20;
const WAIT_MS = 10_000;

export interface KeeperOptions {
  /** The resolved path of the server's data directory. */
  readonly data: string;
  /** Whole seconds without a user after which the server is stopped. */
  readonly idleSeconds: number;
}

/** Call it under the lock and after registering. When it returns, a keeper runs that knows of us. */
export async function ensureKeeper(folder: string, options: KeeperOptions): Promise<void> {
  // A keeper that has raised its flag either sees us and lowers it, or stops the server and leaves.
  for (let waitedMs = 0; (await keeperLives(folder)) && (await exists(path.join(folder, 'stopping'))); ) {
    if (waitedMs >= 130_000)
      throw new CofreError('embedded/failed', 'PostgreSQL has been shutting down for 2 minutes.');
    await sleep(POLL_MS);
    waitedMs += POLL_MS;
  }
  if (await keeperLives(folder)) return;
  // Raised by a keeper that was killed; the next one must not be taken for stopping.
  await rm(path.join(folder, 'stopping'), { force: true });
  const script = path.join(folder, 'keeper.sh');
  await writeAtOnce(script, SCRIPT);
  const child = spawn('/bin/sh', [script, folder, options.data, String(options.idleSeconds)], {
    cwd: '/',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' },
    stdio: 'ignore',
    detached: true,
  });
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  child.unref();
  await Promise.race([failed, untilNamed(folder, child.pid)]);
}

async function untilNamed(folder: string, pid: number | undefined): Promise<void> {
  for (let waitedMs = 0; waitedMs < WAIT_MS; waitedMs += POLL_MS) {
    if ((await keeper(folder))?.pid === pid) return;
    await sleep(POLL_MS);
  }
  throw new CofreError('embedded/failed', 'The process that stops an idle PostgreSQL did not start.');
}

async function keeperLives(folder: string): Promise<boolean> {
  const identity = await keeper(folder);
  return identity !== null && (await isAlive(identity));
}

async function keeper(folder: string) {
  return parseIdentity(await readFile(path.join(folder, 'keeper'), 'utf8').catch(() => ''));
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
