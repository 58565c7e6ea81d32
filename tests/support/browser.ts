import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished } from 'vitest';
import { guideImage } from './guide-screens.ts';
import type { Account, PersonName } from './web-platform.ts';
import { type Address, signIn } from './web-session.ts';
import { startWeb, type TestWeb, WEB_START_MS, type WebOptions } from './web-server.ts';

const CHROMIUM = '/usr/bin/chromium';

/** As root it has no sandbox; besides, it asks nobody for anything but us. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** What everything has to work at: a phone, a tablet, a laptop. */
const SIZES = {
  360: { width: 360, height: 740 },
  768: { width: 768, height: 1024 },
  1440: { width: 1440, height: 900 },
} as const;
export const WIDTHS = [360, 768, 1440] as const;
export const LANGUAGES = ['en', 'pt-BR'] as const;

export interface PageOptions {
  /** Whose session it begins with: one that the file shares, or an account's own. Default: nobody is signed in. */
  readonly as?: PersonName | Account;
  /** What the browser asks for; default: English. */
  readonly language?: (typeof LANGUAGES)[number];
  readonly width?: keyof typeof SIZES;
  readonly scheme?: 'light' | 'dark';
  readonly timeZone?: string;
  /** Complaints that the test provokes, such as a page that is not there. */
  readonly tolerates?: readonly RegExp[];
}

type Look = Required<Pick<PageOptions, 'language' | 'width' | 'scheme'>>;

/** How each page looks, for the names of screenshots. */
const looks = new WeakMap<BrowserContext, Look>();

/** A web admin of its own and a browser, for a file of tests. */
export class BrowserTest implements AsyncDisposable {
  readonly web: TestWeb;
  readonly #browser: Browser;
  #visitors = 1;

  constructor(web: TestWeb, browser: Browser) {
    this.web = web;
    this.#browser = browser;
  }

  /**
   * Opens a window of its own, within a test and until its end. A test fails on what its pages complain about: errors of
   * scripts, what the policy of content refused, and requests to anybody else.
   */
  async open(options: PageOptions = {}): Promise<Page> {
    const { as, language = 'en', width = 1440, scheme = 'light', timeZone = 'UTC', tolerates = [] } = options;
    this.#visitors += 1;
    const address: Address = `192.0.2.${this.#visitors}`;
    const context = await this.#browser.newContext({
      baseURL: this.web.url,
      locale: language,
      timezoneId: timeZone,
      colorScheme: scheme,
      viewport: SIZES[width],
      reducedMotion: 'reduce',
      // Attempts to sign in are counted by address: everybody has one of their own.
      extraHTTPHeaders: { 'x-forwarded-for': address },
    });
    looks.set(context, { language, width, scheme });
    const complaints = complaintsOf(context, this.web.url);
    onTestFinished(async ({ task }) => {
      if (task.result?.state === 'fail') await screenshotAll(context, task.name);
      await context.close();
      expect(complaints.filter((it) => !tolerates.some((pattern) => pattern.test(it)))).toEqual([]);
    });
    if (as !== undefined) {
      const { url } = this.web;
      const cookies = await (typeof as === 'string' ? this.web.session(as) : signIn({ url, account: as, address }));
      await context.addCookies(cookies.map((cookie) => ({ ...cookie, url })));
    }
    return context.newPage();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    await this.web[Symbol.asyncDispose]();
  }
}

/** Tests on one web admin, in a browser; where there is none they are skipped, and say so. */
export function describeInBrowser(name: string, options: WebOptions, tests: (given: () => BrowserTest) => void): void {
  describe(name, () => {
    let test: BrowserTest | undefined;
    const isHere = existsSync(CHROMIUM);
    beforeAll(async () => {
      if (!isHere) return;
      const web = await startWeb(options);
      test = new BrowserTest(web, await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS }));
    }, WEB_START_MS);
    afterAll(() => test?.[Symbol.asyncDispose]());
    beforeEach((context) => context.skip(!isHere, `there is no Chromium in ${CHROMIUM}`));
    tests(() => {
      if (test === undefined) throw new Error('the web admin is there within tests');
      return test;
    });
  });
}

/** Of all pages of a window, from its beginning. */
function complaintsOf(context: BrowserContext, url: string): readonly string[] {
  const complaints: string[] = [];
  context.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${message.text()} (${message.location().url})`);
  });
  context.on('weberror', (error) => complaints.push(error.error().message));
  context.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith('http') && origin !== url) complaints.push(`asked another host: ${request.url()}`);
  });
  return complaints;
}

const SCREENS = path.resolve(import.meta.dirname, '../../test-output/screens');

/** Kept as `test-output/screens/<name>.<language>.<width>.<scheme>.png`, and perhaps for the guides. */
export async function screenshot(page: Page, name: string): Promise<void> {
  await mkdir(SCREENS, { recursive: true });
  const look = looks.get(page.context());
  const parts = look === undefined ? [name] : [name, look.language, look.width, look.scheme];
  const whole = { fullPage: true, animations: 'disabled' } as const;
  await page.screenshot({ ...whole, path: path.join(SCREENS, `${parts.join('.')}.png`) });
  const image = guideImage(name, look);
  if (image !== null) await page.screenshot({ ...whole, ...image });
}

async function screenshotAll(context: BrowserContext, name: string): Promise<void> {
  const words = name.replaceAll(/[^\p{L}\p{N}]+/gu, '-').slice(0, 80);
  for (const [index, page] of context.pages().entries()) await screenshot(page, `failed-${words}-${index}`);
}

/** What stands still when a person begins to look; endless animations go on. */
async function untilStill(page: Page): Promise<void> {
  await page.evaluate(`Promise.all(document.getAnimations()
    .filter((animation) => animation.effect?.getComputedTiming().endTime !== Infinity)
    .map((animation) => animation.finished.catch(() => undefined)))`);
}

/** WCAG 2.2 AA, as far as a program can tell, and that nobody has to scroll sideways. Fails with what is wrong and where. */
export async function expectAccessible(page: Page): Promise<void> {
  await untilStill(page);
  const axe = new AxeBuilder({ page }).options({ resultTypes: ['violations'] }).withTags(WCAG_22_AA);
  // All in the page itself: there are no frames, and it takes half the time.
  const { violations } = await axe.setLegacyMode().analyze();
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
  expect(found, `axe on ${page.url()}`).toEqual([]);
  await expectFits(page);
}

/** Nobody has to scroll sideways. */
export async function expectFits(page: Page): Promise<void> {
  const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth');
  expect(overflow, `${page.url()} is wider than its window by so many pixels`).toBeLessThanOrEqual(0);
}

const WCAG_22_AA = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** By the form, as a person does. */
export async function signInByForm(
  page: Page,
  { email, password }: Pick<Account, 'email' | 'password'>,
): Promise<void> {
  if (new URL(page.url(), 'http://nowhere').pathname !== '/sign-in') await page.goto('/sign-in');
  await page.locator('input[name=email]').fill(email);
  await page.locator('input[name=password]').fill(password);
  await page.locator('button[type=submit]').click();
}
