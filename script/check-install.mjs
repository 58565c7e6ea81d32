// Exits 0 when the named part of node_modules is in order. Plain JavaScript, because it runs before Node 24 is there.
import { existsSync, readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const readJson = (path) => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null);

/** npm notes what it installed in a lock file of its own: every package we ask for must be there in the same version. */
function packagesFit() {
  const wanted = readJson('package-lock.json')?.packages ?? {};
  const installed = readJson('node_modules/.package-lock.json')?.packages;
  if (!installed) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith('node_modules/')) return true;
    const found = installed[path];
    // Packages for other platforms are left out.
    if (!found) return entry.optional === true || entry.peer === true;
    return found.version === entry.version && found.link === entry.link;
  });
}

function nodeFits() {
  const wanted = readJson('node_modules/node/package.json')?.version;
  const found = spawnSync('node_modules/node/bin/node', ['--version'], { encoding: 'utf8' });
  return found.stdout?.trim() === `v${wanted}`;
}

/** The libraries of the embedded PostgreSQL are found through links, which packages cannot carry. */
function linksFit(folders) {
  return folders.every((folder) =>
    (readJson(join(folder, 'native/pg-symlinks.json')) ?? []).every(({ target }) => existsSync(join(folder, target))),
  );
}

/** The packages carry Deno in another one, for this platform, and link it when they are installed. */
function denoFits(packages) {
  return packages.every((name) => {
    const wanted = readJson(join('node_modules', name, 'package.json'))?.version;
    const found = spawnSync(join('node_modules', name, 'deno'), ['--version'], { encoding: 'utf8' });
    return wanted !== undefined && found.stdout?.startsWith(`deno ${wanted} `) === true;
  });
}

const [part, ...rest] = process.argv.slice(2);
const checks = { packages: packagesFit, node: nodeFits, links: () => linksFit(rest), deno: () => denoFits(rest) };
process.exit(checks[part]() ? 0 : 1);
