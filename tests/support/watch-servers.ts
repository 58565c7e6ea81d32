import { spawn } from 'node:child_process';

/**
 * Stops the servers below a folder when this process is gone, however it went, and removes the folder: a shell waits
 * for the end of its stdin, which the kernel closes even after kill -9. It is the only way the servers are stopped, so
 * that it cannot rot unnoticed. The function that is returned does it now, and resolves when it is done.
 */
export function watchServers(folder: string, options: { readonly keepFolder?: boolean } = {}): () => Promise<void> {
  const script = `
    cat > /dev/null
    for attempt in 1 2 3 4 5 6 7 8 9 10; do
      found=
      for file in "$1"/*/data/postmaster.pid; do
        [ -f "$file" ] || continue
        found=1
        kill -QUIT "$(head -n 1 "$file")" 2> /dev/null
      done
      [ -z "$found" ] && break
      sleep 0.3
    done
    [ -n "$2" ] || rm -rf "$1"`;
  const watchdog = spawn('/bin/sh', ['-c', script, 'sh', folder, options.keepFolder === true ? 'keep' : ''], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  });
  return async () => {
    watchdog.stdin.end();
    if (watchdog.exitCode === null) await new Promise((resolve) => watchdog.once('exit', resolve));
  };
}
