import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { watchServers } from '../support/watch-servers.ts';
import { type BenchServer, isInstalled, POSTGRES_HOME, startBenchServer } from './bench-server.ts';
import { type Environment, shell } from './measure.ts';

/** Above it something else takes a good part of a processor. */
const IDLE_LOAD = 0.7;
const RESULTS = path.resolve(import.meta.dirname, 'results');

export interface BenchPlace {
  readonly scratch: string;
  readonly environment: Environment;
}

/** Starts a server in a temporary folder for `work`, and takes both away however that ends. Gives the exit code. */
export async function withBenchServer(
  { keep }: { readonly keep: boolean },
  work: (place: BenchPlace, server: BenchServer) => Promise<void>,
): Promise<number> {
  if (!isInstalled()) {
    console.error(
      `PostgreSQL 15 is not in ${POSTGRES_HOME} (Debian: apt-get install postgresql-15). Nothing was measured.`,
    );
    return 1;
  }
  const [loadBefore = 0] = loadavg();
  if (loadBefore > IDLE_LOAD)
    console.log(`The machine is busy (load ${loadBefore.toFixed(1)}): these figures will not count.`);
  const scratch = await mkdtemp(path.join(tmpdir(), 'cofre-bench-'));
  const stopAndRemove = watchServers(scratch, { keepFolder: keep });
  try {
    const server = await startBenchServer(scratch);
    await work({ scratch, environment: server.environment }, server);
    return 0;
  } finally {
    await stopAndRemove();
    if (keep) console.log(`Kept: ${scratch}`);
  }
}

export async function keepResult(name: string, report: object): Promise<void> {
  await mkdir(RESULTS, { recursive: true });
  const file = `${name}-${new Date().toISOString().replaceAll(/[:.]/g, '-')}.json`;
  await writeFile(path.join(RESULTS, file), `${JSON.stringify(report, null, 2)}\n`);
}

/** What the figures were measured on and with, and the command that does it again. */
export async function describeMachine(
  { environment }: BenchPlace,
  command: string,
  programs: readonly string[],
): Promise<readonly string[]> {
  const version = async (program: string) =>
    (await shell(`${program} 2>/dev/null || true`, environment)).stdout.trim().split('\n')[0] ?? '';
  const versions = await Promise.all(programs.map(version));
  return [
    `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${Math.round(totalmem() / 1024 ** 3)} GiB of memory, ${process.platform}`,
    [...versions.filter((it) => it !== ''), `Node ${process.version}`].join(' · '),
    `${new Date().toISOString().slice(0, 10)}, \`./script/bench ${command}\``,
  ];
}

/** What one run wrote must not be flushed at the cost of the next. */
export async function settle({ environment }: BenchPlace): Promise<void> {
  await shell('sync', environment);
}
