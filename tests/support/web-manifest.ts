import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { buildFile } from './web-server.ts';

/** Everything that can be asked of the web admin, as the build itself lists it: what is new is here without anybody's doing. */

export interface BuiltRoute {
  /** As the folders have it: `/(protected)/admin/modules/page`. */
  readonly entry: string;
  /** As it is asked for, its parameters filled in. */
  readonly path: string;
}

/** Fails where a route has a parameter that `parameters` does not have. */
export function builtRoutes(parameters: Readonly<Record<string, string>>): readonly BuiltRoute[] {
  const routes = z.record(z.string(), z.string()).parse(read('app-path-routes-manifest.json'));
  return Object.entries(routes).map(([entry, route]) => ({
    entry,
    path: route.replaceAll(/\[(?:\.{3})?(\w+)\]/g, (_, name: string) => {
      const value = parameters[name];
      if (value === undefined) throw new Error(`${route}: what is [${name}]?`);
      return encodeURIComponent(value);
    }),
  }));
}

const actionsFile = z.object({
  node: z.record(z.string(), z.object({ exportedName: z.string(), workers: z.record(z.string(), z.unknown()) })),
  edge: z.record(z.string(), z.never()),
});

export interface BuiltAction {
  /** What a browser calls it by. */
  readonly id: string;
  readonly name: string;
  /** A route whose page has it, as `/(protected)/admin/modules/page`. */
  readonly entry: string;
}

export function builtActions(): readonly BuiltAction[] {
  const { node } = actionsFile.parse(read('server/server-reference-manifest.json'));
  return Object.entries(node).map(([id, { exportedName: name, workers }]) => {
    const [worker = ''] = Object.keys(workers).toSorted();
    return { id, name, entry: worker.replace(/^app/, '') };
  });
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(buildFile(name), 'utf8'));
}
