import { afterAll, beforeAll, expect, it } from 'vitest';
import { type JobDocument, jobDocument } from '../../packages/contracts/src/index.ts';
import { addImplementation, cancelJob, enqueueJob } from '../../packages/services/src/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { costlyTestServers } from '../support/long-tests.ts';
import { createShop, type TestService } from '../support/service-context.ts';
import { type JobEventOptions, jobEvents } from '../../apps/web/src/server/job-events.ts';

const [server] = costlyTestServers();
let db: TestDatabase;
let shop: TestService;
beforeAll(async () => {
  db = await createTestDatabase(server ?? expect.fail('there is a server'), { template: 'migrated' });
  shop = await createShop(db);
  for (const [key, id] of [
    ['one', 1],
    ['two', 2],
  ] as const)
    await addImplementation(shop.context, { module: 'shop', key, scope: { store_id: id } });
});
afterAll(async () => {
  await shop[Symbol.asyncDispose]();
  await db.drop();
});

const ask = (key: string) =>
  enqueueJob(shop.context, { kind: 'create-backup', input: { implementation: `shop/${key}` } });

/** What a browser would be sent, event by event. */
async function* watch(
  asked: JobEventOptions['asked'],
  mayGoOn: JobEventOptions['mayGoOn'] = () => Promise.resolve(true),
): AsyncGenerator<readonly JobDocument[], void, void> {
  const gone = new AbortController();
  const wording: JobEventOptions['wording'] = ({ code }) => ({ code, params: {}, message: 'no', hint: 'none' });
  const stream = jobEvents({ service: shop.context, asked, wording, mayGoOn, signal: gone.signal });
  try {
    for await (const chunk of stream) {
      const data = /^event: jobs\ndata: (.*)\n\n$/.exec(Buffer.from(chunk).toString())?.[1];
      if (data !== undefined) yield jobDocument.array().parse(JSON.parse(data));
    }
  } finally {
    gone.abort();
  }
}

async function next(events: AsyncGenerator<readonly JobDocument[], void, void>): Promise<readonly JobDocument[]> {
  const { value } = await events.next();
  return value ?? expect.fail('the stream has ended');
}

it('one job alone is sent at first and whenever it changes, and no other', async () => {
  const [job, other] = [await ask('one'), await ask('two')];
  const events = watch({ job: job.id });
  expect((await next(events)).map(({ id }) => id)).toEqual([job.id]);
  await cancelJob(shop.context, { job: other.id });
  await cancelJob(shop.context, { job: job.id });
  // Once more for what may have been missed before it was listened for.
  for (let sent = await next(events); ; sent = await next(events)) {
    expect(sent.map(({ id }) => id)).toEqual([job.id]);
    if (sent[0]?.state === 'canceled') break;
  }
  await events.return();
});

it('of a job that there is none of nothing is sent, and the line stays open for what comes', async () => {
  const events = watch({ job: '99999999-9999-4999-8999-999999999999' });
  expect(await next(events)).toEqual([]);
  await events.return();
});

it('who watches one implementation is sent its jobs and no others', async () => {
  const job = await ask('one');
  const implementation = job.implementation?.id;
  const events = watch({ implementation });
  expect(new Set((await next(events)).map((it) => it.implementation?.key))).toEqual(new Set(['one']));
  await ask('two');
  await cancelJob(shop.context, { job: job.id });
  let last = await next(events);
  while (last.find(({ id }) => id === job.id)?.state !== 'canceled') last = await next(events);
  expect(new Set(last.map((it) => it.implementation?.key))).toEqual(new Set(['one']));
  await events.return();
});
