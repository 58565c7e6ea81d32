import { readFile } from 'node:fs/promises';
import { systemCode } from './system-code.ts';

/**
 * A process that is told apart from a later one with the same number: by the time it started, in the kernel's ticks
 * since boot, where the system tells it (Linux); '0' where it does not.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly started: string;
}

export async function ownIdentity(): Promise<ProcessIdentity> {
  const { started } = await readProcess(process.pid);
  return { pid: process.pid, started: started ?? '0' };
}

/** `<pid>.<started>`, for names and contents of files; the keeper's script reads it too. */
export function formatIdentity(identity: ProcessIdentity): string {
  return `${identity.pid}.${identity.started}`;
}

/** null for anything that does not begin like `formatIdentity`. */
export function parseIdentity(text: string): ProcessIdentity | null {
  const match = /^(\d+)\.(\d+)(?:\.|\s|$)/.exec(text);
  return match?.[1] === undefined || match[2] === undefined ? null : { pid: Number(match[1]), started: match[2] };
}

export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const { started, ended } = await readProcess(identity.pid);
  // A zombie answers to kill(2) until its parent has looked at it, which in a container may be never.
  if (ended) return false;
  if (started !== null && identity.started !== '0') return started === identity.started;
  return answersToKill(identity.pid);
}

export function answersToKill(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there and belongs to somebody else.
    return systemCode(error) === 'EPERM';
  }
}

/** proc_pid_stat(5). The second field is the program's name in parentheses and may hold anything, so fields count from behind it. */
async function readProcess(pid: number): Promise<{ readonly started: string | null; readonly ended: boolean }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (stat === null) return { started: null, ended: false };
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { started: fields[19] ?? null, ended: fields[0] === 'Z' || fields[0] === 'X' };
}
