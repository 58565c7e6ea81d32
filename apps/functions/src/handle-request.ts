import { CofreError, httpStatusOf, isCofreError } from '@cofre/contracts';
import type { Clock } from '@cofre/engine';
import { toErrorDocument } from '@cofre/services';
import { isAuthentic, type Secrets } from './authenticate.ts';

export interface FunctionOptions {
  /** `execute-scheduled-backups`: the last part of its address. */
  readonly name: string;
  readonly secrets: Secrets;
  readonly clock: Clock;
  /** Does the work, with what the caller sent as JSON. */
  readonly run: (body: unknown) => Promise<object>;
  /** For the platform's log. */
  readonly log: (line: string) => void;
}

/** Bodies are `{}` or a little more. */
const BODY_BYTES_MAX = 64 * 1024;

/** Answers one request. Never throws; an answer holds no stack and no secret. */
export async function handleRequest(request: Request, options: FunctionOptions): Promise<Response> {
  const refusal = refuse(request, options);
  if (refusal !== null) return refusal;
  try {
    return answer(200, await options.run(await readBody(request)));
  } catch (error) {
    return failure(error, options);
  }
}

function refuse(request: Request, { name, secrets, clock }: FunctionOptions): Response | null {
  if (!isOurPath(new URL(request.url).pathname, name)) {
    return errorAnswer(404, usage('There is nothing at this address.', `Call /${name}.`));
  }
  if (request.method !== 'POST') {
    const error = usage(`${name} is called with POST.`, 'Nothing was started.');
    return errorAnswer(405, error, { allow: 'POST' });
  }
  if (isAuthentic(request.headers, secrets, clock.now())) return null;
  const error = new CofreError('access/not-signed-in', 'The call does not prove who makes it. Nothing was started.', {
    hint: 'Send `Authorization: Bearer …` with COFRE_CRON_SECRET or the service role’s key, or `apikey: …` with a secret key of the project.',
  });
  return errorAnswer(401, error, { 'www-authenticate': 'Bearer' });
}

/** The platform's gateway leaves `/<name>`, a local one all of it, and by itself a function is at the root. */
function isOurPath(pathname: string, name: string): boolean {
  const path = pathname.replace(/\/$/, '');
  return path === '' || path === `/${name}` || path === `/functions/v1/${name}`;
}

async function readBody(request: Request): Promise<unknown> {
  const text = await readText(request);
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    throw usage('The body of the call is no JSON. Nothing was started.', 'Send {} or nothing.');
  }
}

async function readText({ body }: Request): Promise<string> {
  if (body === null) return '';
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw usage('The body of the call is too large. Nothing was started.', 'Send {}.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function failure(error: unknown, { log, name }: FunctionOptions): Response {
  if (isCofreError(error) && error.code !== 'internal/bug') {
    const status = httpStatusOf(error.code);
    if (status >= 500) log(`${name}: ${error.code}: ${error.message}`);
    return errorAnswer(status, error);
  }
  // Words that nobody foresaw may hold anything, so they stay in the log.
  log(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return errorAnswer(500, new CofreError('internal/bug', 'Something unforeseen happened; the function’s log has it.'));
}

function usage(message: string, hint: string): CofreError {
  return new CofreError('usage/invalid', message, { hint });
}

function errorAnswer(status: number, error: CofreError, headers: Readonly<Record<string, string>> = {}): Response {
  const { code, message, hint } = toErrorDocument(error);
  return answer(status, { error: { code, message, hint } }, headers);
}

function answer(status: number, document: object, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(document), {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
  });
}
