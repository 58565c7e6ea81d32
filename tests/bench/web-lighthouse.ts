import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import lighthouse, { desktopConfig } from 'lighthouse';
import { freePort } from '../../packages/postgres/src/embedded/free-port.ts';
import { ARGUMENTS, CHROMIUM } from './web-browser.ts';
import type { PageAddress } from './web-requests.ts';

export interface LighthouseFigures {
  readonly what: string;
  /** `phone`: with the slow line and the slow processor that Lighthouse takes phones for. */
  readonly device: 'phone' | 'desktop';
  /** Out of 100. */
  readonly performance: number;
  readonly accessibility: number;
  /** What cost points. */
  readonly lost: readonly string[];
}

interface LighthouseOptions {
  readonly url: string;
  readonly cookie: string;
  /** Of the browser that it is to use. */
  readonly debuggingPort: number;
}

interface OwnBrowser extends AsyncDisposable {
  readonly debuggingPort: number;
}

const LOOK_MS = 100;

/** A browser that nobody else steers: what attaches to its pages disturbs the trace. */
export async function startLighthouseBrowser(scratch: string): Promise<OwnBrowser> {
  const debuggingPort = await freePort();
  const own = ['--headless=new', `--remote-debugging-port=${debuggingPort}`];
  const profile = `--user-data-dir=${path.join(scratch, 'chromium')}`;
  const child = spawn(CHROMIUM, [...ARGUMENTS, ...own, profile, 'about:blank'], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${debuggingPort}/json/version`).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.ok === true) return { debuggingPort, [Symbol.asyncDispose]: stop };
    if (child.exitCode !== null) throw new Error(`${CHROMIUM} ended by itself`);
    await sleep(LOOK_MS);
  }
}

const CATEGORIES = ['performance', 'accessibility'] as const;
const WHOLE = 100;

/** One run of Lighthouse, signed in. */
export async function runLighthouse(
  { what, path }: PageAddress,
  device: LighthouseFigures['device'],
  { url, cookie, debuggingPort }: LighthouseOptions,
): Promise<LighthouseFigures> {
  const result = await lighthouse(
    `${url}${path}`,
    {
      port: debuggingPort,
      onlyCategories: [...CATEGORIES],
      extraHeaders: { Cookie: `${cookie}; cofre_time_zone=UTC` },
      logLevel: 'error',
      output: 'json',
    },
    device === 'desktop' ? desktopConfig : undefined,
  );
  if (result === undefined) throw new Error(`Lighthouse gave nothing for ${what}`);
  const { categories, audits, runtimeError } = result.lhr;
  if (runtimeError !== undefined) throw new Error(`Lighthouse failed on ${what}: ${runtimeError.message}`);
  const score = (name: (typeof CATEGORIES)[number]) => Math.round((categories[name]?.score ?? 0) * WHOLE);
  const weighed = CATEGORIES.flatMap((name) => categories[name]?.auditRefs ?? []).filter(({ weight }) => weight > 0);
  const lost = weighed.flatMap(({ id }) => {
    const audit = audits[id];
    return audit === undefined || audit.score === null || audit.score >= 0.9
      ? []
      : [`${audit.title}${audit.displayValue === undefined ? '' : ` (${audit.displayValue})`}`];
  });
  return { what, device, performance: score('performance'), accessibility: score('accessibility'), lost };
}
