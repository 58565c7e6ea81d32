#!/usr/bin/env node
// Starts `cofre`: the bundle where it is there and no source is newer, else the TypeScript sources as they stand.
// Plain JavaScript that old versions of Node understand, because the checkout brings a newer one with it.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const app = dirname(dirname(fileURLToPath(import.meta.url)));
const checkout = dirname(dirname(app));
const bundle = join(app, 'dist', 'cofre.mjs');

/** Sources are looked at in a checkout only; a published package is the bundle alone. */
function newestSource() {
  const folders = ['contracts', 'engine', 'postgres', 'storage', 'services', 'setup'].map((it) =>
    join(checkout, 'packages', it, 'src'),
  );
  folders.push(join(app, 'src'), join(checkout, 'apps', 'worker', 'src'), join(checkout, 'supabase', 'migrations'));
  let newest = 0;
  for (const folder of folders) {
    if (!existsSync(folder)) continue;
    for (const entry of readdirSync(folder, { recursive: true })) {
      if (/\.test\.ts$/.test(entry) || !/\.(ts|sql)$/.test(entry)) continue;
      newest = Math.max(newest, statSync(join(folder, entry)).mtimeMs);
    }
  }
  return newest;
}

const isFresh = existsSync(bundle) && statSync(bundle).mtimeMs >= newestSource();
const entry = isFresh ? bundle : join(app, 'src', 'main.ts');
const [major, minor] = process.versions.node.split('.').map(Number);

if (major > 22 || (major === 22 && minor >= 18)) {
  await import(pathToFileURL(entry).href);
} else {
  const node = join(checkout, 'node_modules', 'node', 'bin', 'node');
  if (!existsSync(node)) {
    console.error(
      `cofre needs Node 22.18 or newer; this is ${process.version}. In a checkout run ./script/setup first.`,
    );
    process.exit(1);
  }
  const child = spawn(node, [entry, ...process.argv.slice(2)], { stdio: 'inherit' });
  // The terminal sends its signals to both; others may be sent to this process alone.
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  process.on('SIGINT', () => undefined);
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}
