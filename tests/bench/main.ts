import { benchFull, FULL_USAGE } from './full.ts';
import { benchPlatform, PLATFORM_USAGE } from './platform.ts';

const BENCHES: Readonly<Record<string, (args: readonly string[]) => Promise<number | null>>> = {
  full: benchFull,
  platform: benchPlatform,
};

async function main([name = '', ...args]: readonly string[]): Promise<number> {
  const code = (await BENCHES[name]?.(args)) ?? null;
  if (code !== null) return code;
  console.error(`${FULL_USAGE}\n${PLATFORM_USAGE}`);
  return 2;
}

process.exitCode = await main(process.argv.slice(2));
