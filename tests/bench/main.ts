import { benchFull, FULL_USAGE } from './full.ts';
import { benchIncremental, INCREMENTAL_USAGE } from './incremental.ts';
import { benchMany, MANY_USAGE } from './many.ts';
import { benchPlatform, PLATFORM_USAGE } from './platform.ts';
import { benchWeb, WEB_USAGE } from './web.ts';

const BENCHES: Readonly<Record<string, (args: readonly string[]) => Promise<number | null>>> = {
  full: benchFull,
  incremental: benchIncremental,
  many: benchMany,
  platform: benchPlatform,
  web: benchWeb,
};

async function main([name = '', ...args]: readonly string[]): Promise<number> {
  const code = (await BENCHES[name]?.(args)) ?? null;
  if (code !== null) return code;
  console.error([FULL_USAGE, INCREMENTAL_USAGE, MANY_USAGE, PLATFORM_USAGE, WEB_USAGE].join('\n'));
  return 2;
}

process.exitCode = await main(process.argv.slice(2));
