import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { CofreError } from '@cofre/contracts';

export interface ChildOptions {
  /** What people call it: `The web admin`. */
  readonly name: string;
  /** What Node is to run. */
  readonly args: readonly string[];
  readonly cwd: string;
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** A stop by itself takes as long as a worker gives its jobs. What does not stop then is ended. */
const STOP_MS = 19_000;

/**
 * What Node imports first in a child that ends when we are gone, however we went: then the channel between us closes. It
 * must not be what keeps it alive.
 */
export const END_WITH_PARENT = `data:text/javascript,${encodeURIComponent(
  `process.once('disconnect', () => process.kill(process.pid, 'SIGTERM')); process.channel?.unref();`,
)}`;

/** Processes that live and die together: where one ends by itself, so do the others. */
export class Children {
  readonly #running: { readonly name: string; readonly process: ChildProcess; readonly ended: Promise<unknown> }[] = [];
  readonly #failure: PromiseWithResolvers<never> = Promise.withResolvers();
  #isStopping = false;

  constructor() {
    // Whoever waits is told; nobody may be waiting yet.
    this.#failure.promise.catch(() => undefined);
  }

  start({ name, args, cwd, variables }: ChildOptions): void {
    const child = spawn(process.execPath, ['--import', END_WITH_PARENT, ...args], {
      cwd,
      env: { ...variables },
      // Answers of a command are on stdout, and these say none.
      stdio: ['ignore', process.stderr, process.stderr, 'ipc'],
      // In a group of its own: the terminal's Ctrl-C reaches us alone, and we say when who stops.
      detached: true,
    });
    child.once('error', (error) => this.#failed(`${name} could not be started: ${error.message}.`));
    child.once('exit', (code, signal) =>
      this.#failed(`${name} ended by itself (${signal ?? `exit code ${code ?? 'unknown'}`}).`),
    );
    const ended = once(child, 'exit').catch(() => undefined);
    this.#running.push({ name, process: child, ended });
  }

  /** Never resolves; rejects (`serve/ended`) when one ended that nobody stopped. */
  get failure(): Promise<never> {
    return this.#failure.promise;
  }

  /** Asks all of them, and waits until the last has ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const over = new AbortController();
    for (const { process } of this.#running) process.kill('SIGTERM');
    const impatient = sleep(STOP_MS, undefined, { signal: over.signal }).then(
      () => {
        for (const { process } of this.#running) process.kill('SIGKILL');
      },
      () => undefined,
    );
    await Promise.all(this.#running.flatMap(({ ended, process }) => (isOver(process) ? [] : [ended])));
    over.abort();
    await impatient;
  }

  #failed(what: string): void {
    if (this.#isStopping) return;
    this.#failure.reject(new CofreError('serve/ended', `${what} Everything else was stopped.`));
  }
}

function isOver({ exitCode, signalCode, pid }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null || pid === undefined;
}
