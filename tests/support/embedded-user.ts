import { startEmbedded } from '../../packages/postgres/src/embedded/start-embedded.ts';
import { systemClock, systemRandom } from '../../packages/storage/src/index.ts';

/**
 * A process that uses the embedded server of a home: `node embedded-user.ts HOME IDLE_SECONDS`. It prints the URL, or
 * the error's code, and leaves when its stdin ends.
 */
const [home = '', idleSeconds = ''] = process.argv.slice(2);
const server = await startEmbedded({
  home,
  clock: systemClock,
  random: systemRandom,
  idleSeconds: Number(idleSeconds),
});
console.log(server.url);
await new Promise((resolve) => process.stdin.once('end', resolve).resume());
await server.release();
