import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { openPgBossQueue, type ServiceContext } from '@cofre/services';
import { Installation } from '@cofre/setup';
import { webEnvironment } from './environment.ts';
import { log } from './log.ts';
import { passwordSessions } from './password-sessions.ts';
import type { Sessions } from './sessions.ts';
import { supabaseSessions } from './supabase-sessions.ts';

/** As every package here has it. */
const VERSION = '0.1.0';

/** Everything that requests are answered with, built once for the process. */
export interface Web {
  readonly service: ServiceContext;
  readonly sessions: Sessions;
}

/**
 * Next bundles pages and route handlers apart, each with these modules and their classes once: an object of one bundle is a
 * stranger to the other, whose `instanceof` and private fields do not know it. So each composes for itself, when first asked.
 */
let composed: Promise<Web> | undefined;

export function compose(): Promise<Web> {
  composed ??= build().catch((error: unknown) => {
    // A database that is away for a moment must not keep the server from ever answering.
    composed = undefined;
    throw error;
  });
  return composed;
}

async function build(): Promise<Web> {
  const environment = webEnvironment();
  // `next start` runs in the folder of this app.
  const installation = new Installation({ environment, from: process.cwd(), madeBy: `cofre ${VERSION}` });
  const database = await installation.database();
  const queue = await openPgBossQueue({
    url: database.url,
    takesJobs: false,
    onError: (error) => log().warn({ err: error }, 'the queue is away'),
  });
  const service = { ...(await installation.service()), queue };
  const { SUPABASE_URL: url, SUPABASE_PUBLISHABLE_KEY: key, SUPABASE_JWT_SECRET: jwtSecret } = environment;
  if (url !== undefined) return { service, sessions: supabaseSessions({ url, key, jwtSecret }) };
  const secret = environment.COFRE_AUTH_SECRET ?? (await keptSecret(installation.home, service.random));
  return { service, sessions: passwordSessions({ service, databaseUrl: database.url, secret }) };
}

const SECRET_BYTES = 32;

/** Drawn the first time; a lost one signs everybody out and does no other harm. */
async function keptSecret(home: string, random: ServiceContext['random']): Promise<string> {
  const file = path.join(home, 'auth.secret');
  await mkdir(home, { recursive: true });
  try {
    await writeFile(file, `${Buffer.from(random.bytes(SECRET_BYTES)).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  return (await readFile(file, 'utf8')).trim();
}
