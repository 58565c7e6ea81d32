import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { assert, CofreError, type OneTimePasswordDocument } from '@cofre/contracts';
import {
  ensureFirstAdministrator,
  holdsDemoOnly,
  listModules,
  loadDemoHistory,
  resetPassword,
  type ServiceContext,
} from '@cofre/services';
import { counted, formatDuration } from '../output/words.ts';
import type { Command, Run } from '../run.ts';
import { Children } from '../serve/children.ts';
import { type Address, requireFreePort } from '../serve/require-free-port.ts';
import { ensureWebBuild, nextProgram } from '../serve/web-build.ts';

const DEFAULT_PORT = 3000;
/** Other machines are let in by who says so: passwords travel in the clear until something in front speaks TLS. */
const DEFAULT_HOST = '127.0.0.1';
const DEMO_EMAIL = 'admin@example.com';

/** Web and worker together, until a signal comes or one of the two ends. */
export const serve: Command = async (run) => {
  const address = addressOf(run);
  const folder = webFolder(run);
  await requireFreePort(address);
  const prepared = await prepare(run);
  const variables = childVariables(run);
  const startedAt = run.composition.clock.now().getTime();
  const { signal } = await run.composition.service();
  await ensureWebBuild({ folder, variables, signal }, () =>
    say(run, 'Building the web admin; the first time takes a minute …'),
  );
  const children = new Children();
  try {
    const { host, port } = address;
    const args = [nextProgram(folder), 'start', '--hostname', host, '--port', String(port)];
    children.start({ name: 'The web admin', args, cwd: folder, variables });
    const worker = [programFile(), 'worker', '--port', '0'];
    children.start({ name: 'The worker', args: worker, cwd: process.cwd(), variables });
    await Promise.race([untilAnswers(run, address), children.failure]);
    const url = `http://${host === DEFAULT_HOST ? 'localhost' : host}:${port}`;
    const { signIn, isDemo } = prepared;
    const durationMs = run.composition.clock.now().getTime() - startedAt;
    run.print({ url, signIn: signIn ?? null, demo: isDemo, durationMs }, () => welcome({ url, signIn, isDemo }));
    await Promise.race([signalled(run), children.failure]);
  } finally {
    await children.stop();
  }
  return undefined;
};

/** What we were started by: the same again, with another command. */
function programFile(): string {
  const [, file] = process.argv;
  assert(file !== undefined, 'a program is started from a file');
  return file;
}

function addressOf(run: Run): Address {
  const fromVariable = run.variables['PORT'] ?? '';
  if (fromVariable !== '' && !/^\d{1,5}$/.test(fromVariable))
    throw new CofreError('usage/invalid', `PORT is no port: "${fromVariable}". Nothing was started.`);
  const port = run.integer('port') ?? (fromVariable === '' ? DEFAULT_PORT : Number(fromVariable));
  if (port < 1 || port > 65_535)
    throw new CofreError('usage/invalid', `${port} is no port: it is from 1 to 65535. Nothing was started.`);
  return { host: run.text('host') ?? DEFAULT_HOST, port };
}

function webFolder({ composition: { checkout } }: Run): string {
  if (checkout === null)
    throw new CofreError('usage/invalid', 'The web admin is in the checkout, and this is none. Nothing was started.');
  return path.join(checkout, 'apps/web');
}

interface Prepared {
  readonly signIn: OneTimePasswordDocument | null;
  readonly isDemo: boolean;
}

/** Database, repository, the demo's platform where the database is ours, and somebody who can sign in. */
async function prepare(run: Run): Promise<Prepared> {
  const { composition } = run;
  const { isEmbedded } = await composition.database();
  if (isEmbedded) await composition.ensureRepository();
  const context = await composition.withRepository();
  const isDemo = isEmbedded && (await ensureDemo(run, context));
  return { signIn: await findSignIn(run, context, isEmbedded), isDemo };
}

/** Loaded once; what people do with it afterwards stays. A platform that is not the demo's is left alone. */
async function ensureDemo(run: Run, context: ServiceContext): Promise<boolean> {
  const note = path.join(run.composition.home, 'demo.json');
  const noted = await readFile(note, 'utf8').catch(() => null);
  if (noted !== null && noted !== LOADING) return true;
  // `cofre demo` leaves the platform without a past; a platform of somebody's own stays as it is.
  const isTaken = noted === null && (await listModules(context)).length > 0 && !(await holdsDemoOnly(context));
  if (isTaken) return false;
  await writeFile(note, LOADING);
  say(run, 'Loading a platform to try things on: 16 companies, and thirty days of backups …');
  const startedAt = run.composition.clock.now().getTime();
  const loaded = await loadDemoHistory(context, (night, nights) => {
    if (night % NIGHTS_SAID === 0 && night < nights) say(run, `  ${night} of ${nights} nights`);
  });
  const loadedAt = run.composition.clock.now();
  await writeFile(note, `${JSON.stringify({ loadedAt, ...loaded }, null, 2)}\n`);
  say(run, `  ${counted(loaded.rows, 'row')} in ${formatDuration(loadedAt.getTime() - startedAt)}`);
  return true;
}

const NIGHTS_SAID = 10;

/** Stands in the note until all is there: what was broken off is loaded again. */
const LOADING = 'loading';

/** Supabase keeps its people itself. In a database of others nobody is made administrator unasked. */
async function findSignIn(
  run: Run,
  context: ServiceContext,
  isEmbedded: boolean,
): Promise<OneTimePasswordDocument | null> {
  if ((run.variables['SUPABASE_URL'] ?? '') !== '') return null;
  const email = run.text('email') ?? (isEmbedded ? DEMO_EMAIL : undefined);
  if (email === undefined) return null;
  const first = await ensureFirstAdministrator(context, { email });
  if (first !== null || !run.flag('newPassword')) return first;
  return resetPassword(context, { email });
}

/** What both children are told: the same home and files, wherever they run. */
function childVariables(run: Run): Readonly<Record<string, string | undefined>> {
  const { COFRE_KEY_FILE: keyFile, COFRE_LOG: log } = run.variables;
  return {
    ...run.variables,
    NODE_ENV: 'production',
    NEXT_TELEMETRY_DISABLED: '1',
    COFRE_HOME: run.composition.home,
    // A terminal is for what people should do something about.
    COFRE_LOG: log === undefined || log === '' ? 'warn' : log,
    ...(keyFile === undefined || keyFile === '' ? {} : { COFRE_KEY_FILE: path.resolve(keyFile) }),
  };
}

const LOOK_MS = 250;
const ANSWERS_WITHIN_MS = 120_000;

async function untilAnswers(run: Run, { host, port }: Address): Promise<void> {
  const { clock } = run.composition;
  const until = clock.now().getTime() + ANSWERS_WITHIN_MS;
  while (clock.now().getTime() < until) {
    const signal = AbortSignal.timeout(ANSWERS_WITHIN_MS);
    const answer = await fetch(`http://${host}:${port}/sign-in`, { redirect: 'manual', signal }).catch(() => null);
    await answer?.body?.cancel();
    if (answer !== null && answer.status < 500) return;
    await sleep(LOOK_MS);
  }
  throw new CofreError('serve/ended', 'The web admin does not answer. Everything was stopped.');
}

/** When somebody asks us to stop; a signal may have come before we listened. */
async function signalled(run: Run): Promise<void> {
  const { signal } = await run.composition.service();
  if (signal === undefined) throw new CofreError('internal/bug', 'A server is started without a way to stop it.');
  if (!signal.aborted) await once(signal, 'abort');
}

function say(run: Run, words: string): void {
  if (!run.flag('json')) run.print(null, () => words);
}

function welcome({ url, signIn, isDemo }: Prepared & { readonly url: string }): string {
  const lines = ['', `Cofre runs at ${url}`, ''];
  if (signIn === null)
    lines.push('  Sign in as before. Forgotten? Start with --new-password (and --email, if it was yours).');
  else
    lines.push(
      `  Sign in as   ${signIn.email}`,
      `  with         ${signIn.oneTimePassword}   (works once; you then choose your own)`,
    );
  if (isDemo) lines.push(...TO_TRY);
  lines.push('', 'Ctrl-C stops all of it; what you did stays.');
  return lines.join('\n');
}

const TO_TRY = [
  '',
  'To try:',
  '  1. Look around: one implementation fails, one is overdue, one backup is held, one has outlived its implementation.',
  '  2. Open Inventory → Lots and expiry dates → Backups, and choose “Back up now”.',
  '  3. In the list of modules a button (or `npx cofre demo --damage`) breaks its prices and settings as a bad deploy would.',
  '  4. Choose “Something went wrong?” and put it right: preview, restore, undo.',
];
