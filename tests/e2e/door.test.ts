import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { addPerson, settlePassword } from '../../packages/services/src/index.ts';
import {
  describeInBrowser,
  expectAccessible,
  LANGUAGES,
  screenshot,
  signInByForm,
  WIDTHS,
} from '../support/browser.ts';
import type { Account } from '../support/web-platform.ts';
import { type Address, sendSignInForm } from '../support/web-session.ts';

const WORDS = {
  en: { title: 'Sign in', refused: 'The address and the password do not fit', tooMany: 'Too many attempts to sign in' },
  'pt-BR': {
    title: 'Entrar',
    refused: 'O e-mail e a senha não conferem',
    tooMany: 'Tentativas demais de entrar',
  },
} as const;

const pathOf = (page: Page) => new URL(page.url()).pathname;
const languageOf = (page: Page) => page.locator('html').getAttribute('lang');
/** What a form says went wrong. */
const refusalOf = (page: Page) => page.locator('form [role=alert]').innerText();

describeInBrowser('the door of the web admin', {}, (given) => {
  describeLooks();
  describeSigningIn();
  describeSessions();
  describeHeaders();

  function describeLooks(): void {
    it.each([
      { language: 'en', schemes: ['light', 'dark', 'light'] },
      { language: 'pt-BR', schemes: ['dark', 'light', 'dark'] },
    ] as const)('speaks $language, light and dark, at every width, and everybody can use it', async (looks) => {
      const { language, schemes } = looks;
      for (const [index, width] of WIDTHS.entries()) {
        const page = await given().open({ language, width, scheme: schemes[index] ?? 'light' });
        await page.goto('/');
        expect(pathOf(page)).toBe('/sign-in');
        expect(await languageOf(page)).toBe(language);
        expect(await page.title()).toContain(WORDS[language].title);
        await expectAccessible(page);
        await screenshot(page, 'sign-in');
      }
    });

    it('keeps the language and the colours that somebody chose, whatever their browser asks for', async () => {
      const page = await given().open({ language: 'en', scheme: 'light' });
      await page.goto('/sign-in');
      const preferences = page.getByRole('button', { name: 'Language and appearance' });
      await preferences.click();
      await expectAccessible(page);
      await page.getByRole('menuitemradio', { name: 'Dark' }).click();
      await page.locator('html.dark').waitFor();
      await preferences.click();
      await page.getByRole('menuitemradio', { name: 'Português' }).click();
      await page.locator('html[lang="pt-BR"]').waitFor();
      await page.reload();
      expect(await languageOf(page)).toBe('pt-BR');
      expect(await page.locator('html').getAttribute('class')).toBe('dark');
      await expectAccessible(page);
    });
  }

  function describeSigningIn(): void {
    it('opens to who has the password, by keyboard alone, and closes again', async () => {
      const { email, password } = await newPerson('keyboard');
      const page = await given().open();
      await page.goto('/sign-in');
      const press = async (...keys: readonly string[]) => {
        for (const key of keys) await page.keyboard.press(key);
      };
      await press('Tab', 'Tab');
      await page.keyboard.type(email);
      await press('Tab');
      await page.keyboard.type(password);
      await press('Enter');
      await page.waitForURL('**/admin/modules');
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.reload();
      await press('Tab');
      expect(await focused(page)).toBe('Skip to the content');
      await press('Enter');
      expect(new URL(page.url()).hash).toBe('#content');
      await page.reload();
      for (let pressed = 0; pressed < 20 && (await focused(page)) !== 'Sign out'; pressed++) await press('Tab');
      await press('Enter');
      await page.waitForURL('**/sign-in');
    });

    it.each(LANGUAGES)(
      'says the same in %s to a wrong password and to an address that nobody has',
      async (language) => {
        const { viewer } = given().web.accounts;
        const page = await given().open({ language });
        for (const email of ['nobody@example.com', viewer.email]) {
          await page.goto('/sign-in');
          await signInByForm(page, { email, password: 'wrong, but long enough' });
          expect(await refusalOf(page)).toContain(WORDS[language].refused);
          expect(pathOf(page)).toBe('/sign-in');
          expect(await page.locator('input[name=email]').inputValue()).toBe(email);
        }
        await expectAccessible(page);
      },
    );

    it('says it, too, to what is no address and what is far too long', async () => {
      for (const [index, account] of [
        { email: 'no address', password: 'x' },
        { email: 'a@example.com', password: '' },
        { email: `${'a'.repeat(400)}@example.com`, password: 'x' },
        { email: 'a@example.com', password: 'x'.repeat(10_000) },
        { email: "a@example.com' OR 1=1 --", password: "' OR 1=1 --" },
      ].entries()) {
        const { status, text } = await tried(account, `192.0.2.${100 + index}`);
        expect([status, text.includes(WORDS.en.refused)]).toEqual([200, true]);
      }
    });

    it('stops who guesses at one account from many addresses, all at once', async () => {
      const real = await newPerson('guessed');
      const guesses = Array.from({ length: 10 }, (_, guess) =>
        tried({ email: real.email, password: `guess number ${guess}` }, `192.0.2.${110 + guess}`),
      );
      for (const { text } of await Promise.all(guesses)) expect(text).toContain(WORDS.en.refused);
      const page = await given().open({ language: 'pt-BR' });
      await signInByForm(page, real);
      expect(await refusalOf(page)).toContain(WORDS['pt-BR'].tooMany);
      await expectAccessible(page);
      const { rows: logged } = await given().web.db.query(
        `SELECT outcome, actor_kind, details FROM audit_logs WHERE action = 'SIGN_IN_REFUSED' AND resource_id = $1
          ORDER BY (details ->> 'refusals')::int`,
        [real.userId],
      );
      expect(logged).toMatchObject(
        [1, 10].map((refusals) => ({
          outcome: 'refused',
          actor_kind: 'nobody',
          details: { email: real.email, refusals },
        })),
      );
      expect(JSON.stringify(logged)).toMatch(/"from":"192\.0\.2\.\d+"/);
      expect(JSON.stringify(logged)).not.toContain('guess number');
      // The minute in which addresses are counted is over, and their counts are cleared away; those of accounts are not.
      await letPass(2 * 60_000);
      await tried({ email: 'somebody@example.com', password: 'x' }, '192.0.2.110');
      expect((await tried(real, '192.0.2.121')).text).toContain(WORDS.en.tooMany);
      await letPass(15 * 60_000);
      expect((await tried(real, '192.0.2.122')).status).toBe(303);
    });

    it('stops who guesses at an account that is none, as if it were one', async () => {
      const guess = { email: 'none@example.com', password: 'x' };
      await forgetAttempts();
      expect((await tried(guess, '192.0.2.130')).text).toContain(WORDS.en.refused);
      await addAttempts('account:', 9);
      expect((await tried(guess, '192.0.2.131')).text).toContain(WORDS.en.tooMany);
    });

    it('stops who tries many accounts from one address, and nobody else', async () => {
      const real = await newPerson('bystander');
      const guess = { email: 'nobody@example.com', password: 'x' };
      await forgetAttempts();
      expect((await tried(guess, '192.0.2.200')).text).toContain(WORDS.en.refused);
      await addAttempts('192.0.2.200', 18);
      expect((await tried(guess, '192.0.2.200')).text).toContain(WORDS.en.refused);
      expect((await tried(real, '192.0.2.200')).text).toContain(WORDS.en.tooMany);
      expect((await tried(real, '192.0.2.201')).status).toBe(303);
    });

    it('leads who follows a link, and signs in on the way, to what it is about', async () => {
      const person = await newPerson('shared with');
      const shared = '/admin/modules/shop/one?tab=backups&type=full';
      const page = await given().open();
      await page.goto(shared);
      expect(pathOf(page)).toBe('/sign-in');
      await expectAccessible(page);
      // Not lost by a password that was mistyped, either.
      await signInByForm(page, { ...person, password: 'mistyped, but long enough' });
      await refusalOf(page);
      await signInByForm(page, person);
      await page.waitForURL(`**${shared}`);
      await page.getByRole('list', { name: 'Backups' }).waitFor();
    });

    it('leads back to where somebody was, and never out of here', async () => {
      const person = await newPerson('returning');
      for (const [to, there] of [
        ['/admin/modules/shop/one?tab=backups', '/admin/modules/shop/one'],
        ['//evil.example/admin/', '/admin/modules'],
        ['/\\evil.example/admin/', '/admin/modules'],
        ['javascript:alert(1)//admin/', '/admin/modules'],
      ] as const) {
        const page = await given().open();
        await page.goto(`/sign-in?to=${encodeURIComponent(to)}`);
        await signInByForm(page, person);
        await page.waitForURL((url) => url.pathname !== '/sign-in');
        expect([new URL(page.url()).origin, pathOf(page)], to).toEqual([given().web.url, there]);
      }
    });

    it('tells a customer that there is nothing for them, and nothing else', async () => {
      const page = await given().open({ as: 'customer', width: 360 });
      await page.goto('/admin/modules');
      expect(pathOf(page)).toBe('/sign-in');
      await page.getByText('has no access to Cofre').waitFor();
      await expectAccessible(page);
      await screenshot(page, 'sign-in-no-access');
    });
  }

  function describeSessions(): void {
    const CHOSEN = 'a long one that I chose myself';

    it('lets a one-time password in once, to choose another, and nowhere else before', async () => {
      const { web } = given();
      const { newcomer } = web.accounts;
      const elsewhere = await given().open();
      await signInByForm(elsewhere, newcomer);
      await elsewhere.waitForURL('**/new-password');

      const page = await given().open();
      await page.goto('/admin/modules/shop/one');
      await signInByForm(page, newcomer);
      await page.waitForURL((url) => url.pathname === '/new-password');
      await page.goto('/admin/modules/shop/one');
      expect(pathOf(page)).toBe('/new-password');
      await expectAccessible(page);
      await screenshot(page, 'new-password');
      const { password } = newcomer;
      for (const [current, next, again] of [
        ['not the password', CHOSEN, CHOSEN],
        [password, CHOSEN, `${CHOSEN}!`],
        [password, 'too short', 'too short'],
        [password, password, password],
      ] as const) {
        await choosePassword(page, { current, next, again });
        expect(await refusalOf(page)).toContain('The password was not changed');
        await page.reload();
      }
      await choosePassword(page, { current: password, next: CHOSEN, again: CHOSEN });
      await page.waitForURL('**/admin/modules/shop/one');
      await page.goto('/new-password');
      expect(pathOf(page)).toBe('/admin/modules');

      // Who was signed in elsewhere is so no more, and the old password is worth nothing.
      await elsewhere.goto('/new-password');
      expect(pathOf(elsewhere)).toBe('/sign-in');
      await signInByForm(elsewhere, newcomer);
      expect(await refusalOf(elsewhere)).toContain(WORDS.en.refused);
      await signInByForm(elsewhere, { ...newcomer, password: CHOSEN });
      await elsewhere.waitForURL('**/admin/modules');
    });

    it('ends what it began: after signing out neither the cookie nor the way back shows anything', async () => {
      const page = await given().open({ as: await newPerson('leaving') });
      await page.goto('/admin/modules');
      const cookies = await page.context().cookies();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.waitForURL('**/sign-in');
      await page.goBack();
      await page.waitForURL('**/sign-in');
      await page.locator('input[name=password]').waitFor();
      await page.context().addCookies(cookies);
      await page.goto('/admin/modules');
      expect(pathOf(page)).toBe('/sign-in');
    });

    it.each([
      ['is over', `UPDATE cofre_auth.sessions SET expires_at = now() - interval '1 second' WHERE user_id = $1`],
      ['was ended by somebody else', 'DELETE FROM cofre_auth.sessions WHERE user_id = $1'],
      ['is of somebody who was shut out', `UPDATE auth.users SET banned_until = 'infinity' WHERE id = $1`],
      ['is of somebody who was deleted', 'UPDATE auth.users SET deleted_at = now() WHERE id = $1'],
      ['is of no administrator any more', `UPDATE auth.users SET raw_app_meta_data = '{}' WHERE id = $1`],
    ])('sends away whose session %s, at the next step', async (what, sql) => {
      const person = await newPerson(what);
      const { web } = given();
      // What still asks in the background is refused first.
      const page = await given().open({ as: person, tolerates: [/status of 40[13]/] });
      await page.goto('/admin/modules');
      await page.getByRole('link', { name: 'Store One' }).first().waitFor();
      await web.db.query(sql, [person.userId]);
      await page.getByRole('link', { name: 'Store One' }).first().click();
      await page.waitForURL((url) => url.pathname === '/sign-in');
      expect(new URL(page.url()).searchParams.get('to')).toBe('/admin/modules/shop/one');
    });
  }

  function describeHeaders(): void {
    it('lets nothing of others in, on pages that are there and on those that are not', async () => {
      for (const path of ['/sign-in', '/admin/modules', '/nowhere', '/admin/modules/%E0%A4%A', '/icon.svg']) {
        const { headers } = await fetch(`${given().web.url}${path}`, { redirect: 'manual' });
        const policy = headers.get('content-security-policy') ?? '';
        expect(policy).toMatch(/script-src 'self' 'nonce-[^']+' 'strict-dynamic'/);
        expect(policy).toContain("default-src 'none'");
        expect(policy).not.toMatch(/unsafe-eval|script-src[^;]*unsafe-inline|style-src [^;]*unsafe-inline|https?:/);
        expect(headers.get('x-content-type-options')).toBe('nosniff');
        expect(headers.get('x-frame-options')).toBe('DENY');
        expect(headers.get('referrer-policy')).toBe('same-origin');
        expect(headers.get('x-powered-by')).toBeNull();
        expect(headers.get('strict-transport-security')).toBeNull();
      }
    });

    it('draws a nonce for each answer', async () => {
      const nonce = async () => {
        const { headers } = await fetch(`${given().web.url}/sign-in`);
        return /'nonce-([^']+)'/.exec(headers.get('content-security-policy') ?? '')?.[1];
      };
      const drawn = [await nonce(), await nonce()];
      expect(new Set([...drawn, undefined]).size).toBe(3);
    });

    it('gives a session for a day, in a cookie that no script reads, no other site sends, and TLS alone carries', async () => {
      const account = await newPerson('cookies');
      const { url } = given().web;
      for (const [index, protocol] of (['http', 'https'] as const).entries()) {
        const address: Address = `192.0.2.${210 + index}`;
        const answer = await sendSignInForm({ url, account, address, protocol });
        const [session = '', ...others] = answer.headers.getSetCookie();
        expect(others).toEqual([]);
        expect(session).toMatch(/^cofre\.session_token=[^;]{40,};/);
        expect(session).toMatch(/; Path=\/(;|$)/);
        expect(session).toMatch(/; Max-Age=86400(;|$)/);
        expect(session).toMatch(/; HttpOnly(;|$)/i);
        expect(session).toMatch(/; SameSite=lax(;|$)/i);
        expect(session).not.toMatch(/; Domain=/i);
        expect(/; Secure(;|$)/i.test(session)).toBe(protocol === 'https');
        const isStrict = (answer.headers.get('strict-transport-security') ?? '').startsWith('max-age=63072000');
        expect(isStrict).toBe(protocol === 'https');
      }
    });
  }

  /** An administrator of whom nobody else takes the session away. */
  async function newPerson(name: string): Promise<Account> {
    const { context } = given().web;
    const added = await addPerson(context, {
      email: `${name.replaceAll(/\W/g, '-')}@example.com`,
      role: 'administrator',
    });
    await settlePassword(context, added.userId);
    return { userId: added.userId, email: added.email, password: added.oneTimePassword };
  }

  /** As if so much time were over, for what counts attempts. */
  const letPass = (durationMs: number) =>
    given().web.db.query('UPDATE cofre_auth.rate_limits SET last_request = last_request - $1', [durationMs]);

  const forgetAttempts = () => given().web.db.query('DELETE FROM cofre_auth.rate_limits');

  /** To those that were counted under what begins so: each one costs a tenth of a second to make. */
  const addAttempts = (key: string, count: number) =>
    given().web.db.query('UPDATE cofre_auth.rate_limits SET count = count + $2 WHERE starts_with(key, $1)', [
      key,
      count,
    ]);

  async function tried(account: Pick<Account, 'email' | 'password'>, address: Address) {
    const answer = await sendSignInForm({ url: given().web.url, account, address });
    return { status: answer.status, text: await answer.text() };
  }
});

/** What the keyboard would press now, by the name that it has for everybody. */
function focused(page: Page): Promise<string> {
  return page.evaluate<string>(
    `document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent?.trim() ?? ''`,
  );
}

interface PasswordForm {
  readonly current: string;
  readonly next: string;
  readonly again: string;
}

async function choosePassword(page: Page, { current, next, again }: PasswordForm): Promise<void> {
  // The browser would not send what is too short.
  await page.evaluate('for (const form of document.forms) form.noValidate = true');
  await page.locator('input[name=current]').fill(current);
  await page.locator('input[name=next]').fill(next);
  await page.locator('input[name=again]').fill(again);
  await page.locator('button[type=submit]').click();
}
