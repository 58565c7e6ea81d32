import { writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestCase, TestModule, TestRunEndReason } from 'vitest/node';

/**
 * Vitest reporter that says what was skipped and why, and leaves the true total in the file that COFRE_TEST_TOTALS
 * names. A file that does not load, a hook that fails and an error outside of any test count as failures.
 */
export default class TestReport implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[], reason: TestRunEndReason): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const inState = (state: string) => tests.filter((test) => test.result().state === state);
    const brokenFilesAndHooks = modules.flatMap((module) => [module, ...module.children.allSuites()]);
    const failed =
      inState('failed').length +
      inState('pending').length +
      brokenFilesAndHooks.filter((suite) => suite.errors().length > 0).length +
      unhandled.length +
      (reason === 'interrupted' ? 1 : 0);
    const skipped = inState('skipped');
    for (const line of describeSkipped(skipped)) process.stdout.write(`${line}\n`);

    const total = `${inState('passed').length} passed, ${failed} failed, ${skipped.length} skipped\n`;
    const path = process.env['COFRE_TEST_TOTALS'];
    if (path !== undefined) writeFileSync(path, total);
  }
}

function describeSkipped(tests: readonly TestCase[]): string[] {
  const groups = new Map<string, TestCase[]>();
  for (const test of tests) {
    const result = test.result();
    const note = (result.state === 'skipped' && result.note) || 'no reason given';
    const heading = `${test.module.relativeModuleId}: ${note}`;
    groups.set(heading, [...(groups.get(heading) ?? []), test]);
  }
  return [...groups].flatMap(([heading, skipped]) => [
    `skipped  ${heading}`,
    ...skipped.map((test) => `           ${test.fullName}`),
  ]);
}
