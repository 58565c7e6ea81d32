import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import type { Cookie } from '../support/web-session.ts';
import type { PageAddress } from './web-requests.ts';

export const CHROMIUM = '/usr/bin/chromium';

/** As root it has no sandbox; besides, it asks nobody for anything but us. */
export const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
] as const;

/** The middle one is what Lighthouse takes phones for. */
const SIZES = {
  1440: { width: 1440, height: 900 },
  412: { width: 412, height: 823 },
  360: { width: 360, height: 740 },
} as const;
export type Width = keyof typeof SIZES;
export const WIDTHS: readonly Width[] = [1440, 412, 360];

export interface Visit {
  readonly what: string;
  readonly width: Width;
  /** Compressed, of the first page that a person opens. */
  readonly scriptBytes: number;
  /** The sum of all shifts that nobody caused by a click: at least what is called CLS. */
  readonly layoutShift: number;
  /** Calls of server actions that the page made by itself, each until its answer was there. */
  readonly actionMs: readonly number[];
}

export interface Scrolling {
  readonly width: Width;
  readonly frames: number;
  /** Frames that came later than 50 ms after the one before. */
  readonly slowFrames: number;
  readonly slowestMs: number;
}

export interface VisitOptions {
  readonly url: string;
  readonly cookies: readonly Cookie[];
  readonly width: Width;
}

export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [...ARGUMENTS],
  });
}

// What runs in the browser is text: the compiler knows no browser here.

const SCRIPT_BYTES = `performance.getEntriesByType('resource')
  .filter(({ name }) => new URL(name).pathname.endsWith('.js'))
  .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)`;

const WATCH_SHIFTS = `window.seenShift = 0;
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) window.seenShift += value;
  }).observe({ type: 'layout-shift', buffered: true });`;

const WATCH_FRAMES = `{
  window.seenGaps = [];
  let before = performance.now();
  const note = (now) => {
    window.seenGaps.push(now - before);
    before = now;
    requestAnimationFrame(note);
  };
  requestAnimationFrame(note);
}`;

/** Long enough for everything that a page asks for by itself; the line for events stays open, so that no page is ever idle. */
const SETTLED_MS = 2_500;

/** Opens a page as somebody who has nothing of it yet. */
export async function visit(browser: Browser, { what, path }: PageAddress, options: VisitOptions): Promise<Visit> {
  const context = await windowOf(browser, options);
  try {
    const page = await context.newPage();
    const actions = watchActions(page);
    await page.goto(path);
    await page.waitForTimeout(SETTLED_MS);
    const scriptBytes = await page.evaluate<number>(SCRIPT_BYTES);
    return { what, width: options.width, scriptBytes, layoutShift: await layoutShift(page), actionMs: actions };
  } finally {
    await context.close();
  }
}

/** The card of a job that was asked for must not move what one looks at. */
export async function shiftOfStarting(browser: Browser, path: string, options: VisitOptions): Promise<number> {
  const context = await windowOf(browser, options);
  try {
    const page = await context.newPage();
    await page.goto(path);
    await page.waitForTimeout(SETTLED_MS);
    await page.getByRole('button', { name: 'Back up now' }).first().click();
    await page.getByRole('button', { name: 'Start the backup' }).click();
    await page.getByRole('heading', { name: 'Backing up' }).waitFor();
    await page.waitForTimeout(SETTLED_MS);
    return await layoutShift(page);
  } finally {
    await context.close();
  }
}

async function windowOf(browser: Browser, { url, cookies, width }: VisitOptions): Promise<BrowserContext> {
  const context = await browser.newContext({ baseURL: url, locale: 'en', timezoneId: 'UTC', viewport: SIZES[width] });
  // The zone is known already, as it is after the first visit: else the page is made once more.
  const zone = { name: 'cofre_time_zone', value: 'UTC' };
  await context.addCookies([...cookies, zone].map((cookie) => ({ ...cookie, url })));
  await context.addInitScript({ content: WATCH_SHIFTS });
  return context;
}

const layoutShift = (page: Page): Promise<number> => page.evaluate<number>('window.seenShift');

/** Calls whose answer is there, while one looks: each from when it was asked to the last of its bytes. */
function watchActions(page: Page): readonly number[] {
  const ms: number[] = [];
  page.on('requestfinished', (request) => {
    const { requestStart, responseEnd } = request.timing();
    if (request.method() === 'POST') ms.push(responseEnd - Math.max(0, requestStart));
  });
  return ms;
}

const SCROLLS = 160;
const SCROLL_PAUSE_MS = 25;
export const SLOW_FRAME_MS = 50;

/** Scrolls through the rows of a preview by the wheel, and now and then by a whole screen and to the other end. */
export async function scrollPreview(browser: Browser, path: string, options: VisitOptions): Promise<Scrolling> {
  const context = await windowOf(browser, options);
  try {
    const page = await context.newPage();
    await page.goto(path);
    const rows = page.locator('[role=rowgroup][tabindex="0"]');
    await rows.waitFor();
    await rows.scrollIntoViewIfNeeded();
    await page.waitForTimeout(SETTLED_MS);
    await rows.hover();
    await page.evaluate(WATCH_FRAMES);
    for (let step = 0; step < SCROLLS; step++) {
      await page.mouse.wheel(0, step % 40 < 20 ? 240 : step % 3 === 0 ? 2_400 : -120);
      if (step % 40 === 39) await rows.press(step % 80 === 39 ? 'End' : 'Home');
      await page.waitForTimeout(SCROLL_PAUSE_MS);
    }
    // The first gap is from before anything was scrolled.
    const gaps = (await page.evaluate<readonly number[]>('window.seenGaps')).slice(1);
    return {
      width: options.width,
      frames: gaps.length,
      slowFrames: gaps.filter((ms) => ms > SLOW_FRAME_MS).length,
      slowestMs: Math.max(...gaps),
    };
  } finally {
    await context.close();
  }
}
