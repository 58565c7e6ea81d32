import type { Account } from './web-platform.ts';

/** Where a request is said to come from: attempts to sign in are counted by address. */
export type Address = `192.0.2.${number}`;

export interface Attempt {
  readonly url: string;
  readonly account: Pick<Account, 'email' | 'password'>;
  readonly address: Address;
  /** How the browser spoke to what stands in front. */
  readonly protocol?: 'http' | 'https';
}

export interface Cookie {
  readonly name: string;
  readonly value: string;
}

/** Sends the form as a browser without scripts does. */
export async function sendSignInForm({ url, account, address, protocol = 'http' }: Attempt): Promise<Response> {
  const headers = { 'x-forwarded-for': address, 'x-forwarded-proto': protocol, origin: url };
  const hidden = forms.get(url) ?? readHiddenFields(url);
  forms.set(url, hidden);
  const form = new FormData();
  for (const [name, value] of await hidden) form.append(name, value);
  form.append('email', account.email);
  form.append('password', account.password);
  return fetch(`${url}/sign-in`, { method: 'POST', body: form, redirect: 'manual', headers });
}

/** Of each server, as its form has them. */
const forms = new Map<string, Promise<readonly (readonly [name: string, value: string])[]>>();

/** What Next writes into the form to know the action by. */
async function readHiddenFields(url: string) {
  const page = await (await fetch(`${url}/sign-in`)).text();
  const inputs = page.matchAll(/<input type="hidden" name="([^"]+)"(?: value="([^"]*)")?/g);
  return [...inputs].map(([, name = '', value = '']) => [name, unescapeHtml(value)] as const);
}

/** The cookies of a session that was begun just now. */
export async function signIn(attempt: Attempt): Promise<readonly Cookie[]> {
  const answer = await sendSignInForm(attempt);
  await answer.body?.cancel();
  if (answer.status !== 303) throw new Error(`${attempt.account.email} was not signed in: ${answer.status}`);
  return answer.headers.getSetCookie().map((line) => {
    const [name = '', value = ''] = (line.split(';')[0] ?? '').split(/=(.*)/s);
    return { name, value };
  });
}

export function cookieHeader(cookies: readonly Cookie[]): string {
  return cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
}

const ENTITIES: Readonly<Record<string, string>> = { quot: '"', amp: '&', lt: '<', gt: '>', '#x27': "'" };

function unescapeHtml(text: string): string {
  return text.replaceAll(/&(quot|amp|lt|gt|#x27);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}
