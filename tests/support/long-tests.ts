import { type TestServer, testServers } from './test-servers.ts';

/** `./script/test --long` asks also for what takes minutes. */
export const IS_LONG = process.env['COFRE_TEST_LONG'] === '1';

/**
 * The servers for what takes long to show and does not hang on the version of PostgreSQL: the newest alone, and each of
 * them with `--long`.
 */
export function costlyTestServers(): readonly TestServer[] {
  return IS_LONG ? testServers() : testServers().slice(0, 1);
}

/** Deals cases out, so that each runs once and every place gets some; with `--long` all run in every place. */
export function dealtTo<Case>(place: number, places: number, cases: readonly Case[]): readonly Case[] {
  return IS_LONG ? cases : cases.filter((_, index) => index % places === place);
}
