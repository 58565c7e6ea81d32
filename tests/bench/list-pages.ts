import { type Actor, listBackups, type ServiceContext } from '../../packages/services/src/index.ts';

/** How long the first page of a list took, and later ones, in turns. */
export interface PageTimes {
  readonly what: string;
  /** Rows in the list, as far as it was walked. */
  readonly rows: number;
  readonly firstMs: readonly number[];
  readonly laterMs: readonly number[];
}

const PAGE = 50;
const SAMPLES = 200;
const WARM_UP = 20;
/** As many as a page may have: the way to the cursors that later pages are taken from. */
const STEP = 500;

/** As the least that may look, so that row-level security is part of it. */
const CUSTOMER: Actor = { kind: 'person', userId: '22222222-2222-4222-8222-222222222222', name: 'vic', claims: {} };

const LISTS: Readonly<Record<string, object>> = {
  'all, newest first': {},
  'all, oldest first': { sort: 'oldest' },
  'all, the largest first': { sort: 'largest' },
  'all, what expires first': { sort: 'expiring-first' },
  'of one implementation': { implementation: 'm1/k1' },
  'of a module': { module: 'm1' },
  'of a type': { type: 'config_only' },
  failed: { status: 'failed' },
  'on hold': { held: true },
  'not expired': { expired: false },
  'made within a week': { since: '2025-01-08T00:00:00Z', until: '2025-01-15T00:00:00Z' },
  'by words of the description': { text: 'importação antes' },
};

export async function measureListPages(context: ServiceContext): Promise<readonly PageTimes[]> {
  const results: PageTimes[] = [];
  const own = { ...context, actor: CUSTOMER };
  for (const [what, filters] of Object.entries(LISTS)) {
    const { cursors, rows } = await walk(own, filters);
    const first = () => timePage(own, filters);
    const later = (sample: number) =>
      timePage(own, { ...filters, ...at(cursors[Math.floor((sample * cursors.length) / SAMPLES)]) });
    const firstMs: number[] = [];
    const laterMs: number[] = [];
    for (let sample = -WARM_UP; sample < SAMPLES; sample++) {
      const [one, other] = [await first(), await later(Math.max(0, sample))];
      if (sample < 0) continue;
      firstMs.push(one);
      if (cursors.length > 0) laterMs.push(other);
    }
    results.push({ what, rows, firstMs, laterMs });
    console.log(`  ${what}: ${rows} rows`);
  }
  return results;
}

const at = (cursor: string | undefined) => (cursor === undefined ? {} : { cursor });

/** Where later pages begin, spread over the whole list. */
async function walk(context: ServiceContext, filters: object) {
  const cursors: string[] = [];
  let rows = 0;
  for (;;) {
    const limit = rows < STEP ? PAGE : STEP;
    const page = await listBackups(context, { ...filters, limit, ...at(cursors.at(-1)) });
    rows += page.items.length;
    if (page.nextCursor === null) return { cursors, rows };
    cursors.push(page.nextCursor);
  }
}

async function timePage(context: ServiceContext, input: object): Promise<number> {
  const started = performance.now();
  await listBackups(context, { ...input, limit: PAGE });
  return performance.now() - started;
}
