/**
 * A runner of schedules in a process of its own, as a worker is one: `node scheduled-runner.ts DATABASE REPOSITORY TIME`.
 * Its clock stands at TIME. Prints what the run gave.
 */
import { databaseFromUrl } from '../../packages/postgres/src/index.ts';
import {
  executeScheduledBackups,
  openCatalogue,
  openUnpinned,
  pinRepository,
} from '../../packages/services/src/index.ts';
import { nodeCodecs, openStore, systemRandom } from '../../packages/storage/src/index.ts';

const [url = '', repository = '', time = ''] = process.argv.slice(2);
const database = databaseFromUrl(url);
await using catalogue = openCatalogue({ url, label: database.label });
const place = {
  store: openStore(repository),
  codecs: nodeCodecs,
  key: { kind: 'none' } as const,
  clock: { now: () => new Date(time) },
  random: systemRandom,
  accepted: null,
  catalogue,
};
const opened = openUnpinned(place).then((found) => pinRepository(place, found));
const run = await executeScheduledBackups({
  ...place,
  database,
  actor: { kind: 'service', name: `runner ${process.pid}` },
  settings: { readers: 2, lockTimeoutMs: 10_000, madeBy: 'cofre test' },
  openRepository: () => opened,
});
console.log(JSON.stringify(run));
