import { request } from 'node:http';

/** How often a page was asked for, how long the server took until all of it was there, and how much that was. */
export interface RequestTimes {
  readonly what: string;
  readonly ms: readonly number[];
  /** As it went over the line, compressed as browsers ask for it. */
  readonly bytes: number;
}

export interface PageAddress {
  readonly what: string;
  readonly path: string;
}

interface RequestOptions {
  readonly url: string;
  readonly cookie: string;
  readonly pages: readonly PageAddress[];
  readonly samples: number;
}

const WARM_UP = 5;

/** Takes turns: A B C, A B C, …, one request after another, as the only visitor. */
export async function timePages({ url, cookie, pages, samples }: RequestOptions): Promise<readonly RequestTimes[]> {
  const found = pages.map(({ what }) => ({ what, ms: [] as number[], bytes: 0 }));
  for (let turn = -WARM_UP; turn < samples; turn++) {
    for (const [index, page] of pages.entries()) {
      const { ms, bytes } = await ask(`${url}${page.path}`, cookie);
      const times = found[index];
      if (times === undefined || turn < 0) continue;
      times.ms.push(ms);
      times.bytes = bytes;
    }
  }
  return found;
}

function ask(address: string, cookie: string): Promise<{ readonly ms: number; readonly bytes: number }> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const asked = request(
      address,
      { headers: { cookie, 'accept-encoding': 'gzip', accept: 'text/html' } },
      (answer) => {
        let bytes = 0;
        answer.on('data', (chunk: Buffer) => (bytes += chunk.length));
        answer.on('error', reject);
        answer.on('end', () => {
          if (answer.statusCode === 200) resolve({ ms: performance.now() - started, bytes });
          else reject(new Error(`${address} answered ${answer.statusCode}`));
        });
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}
