import { exitAfter } from './exit-after.ts';
import { VERSION } from './version.ts';

// The most frequent question of scripts is answered before anything else is loaded.
if (process.argv.length === 3 && ['--version', '-V'].includes(process.argv[2] ?? '')) {
  process.stdout.write(`${VERSION}\n`);
} else {
  const { runCli } = await import('./run-cli.ts');
  await exitAfter(runCli(process.argv.slice(2), process.env));
}
