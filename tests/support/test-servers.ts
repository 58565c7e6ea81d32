export interface TestServer {
  readonly name: '18' | '15';
  /** A maintenance database, as superuser. */
  readonly url: string;
}

/** How the global setup tells the test files, which run in other processes. */
export const TEST_SERVERS_VARIABLE = 'COFRE_TEST_SERVERS';

/** The servers of this run: 18 always, 15 where Debian's is installed. */
export function testServers(): readonly TestServer[] {
  const listed = process.env[TEST_SERVERS_VARIABLE];
  if (listed === undefined) throw new Error('no test servers: run the tests with vitest and the root vitest.config.ts');
  return JSON.parse(listed) as TestServer[];
}

export const RUN_FOLDER_VARIABLE = 'COFRE_TEST_RUN';

/** What the files of this run share; it is removed when the run ends. */
export function runFolder(): string {
  const folder = process.env[RUN_FOLDER_VARIABLE];
  if (folder === undefined) throw new Error('no run: start the tests with vitest and the root vitest.config.ts');
  return folder;
}
