import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { ERROR_CODES, type ErrorFacts } from '@cofre/contracts';

/**
 * Writes the pages that are made from the program: one in docs/errors/ for each error code. With --check it writes
 * nothing and fails where a page is missing, differs or has no code any more.
 */
const EXIT_MEANINGS: Readonly<Record<ErrorFacts['exit'], string>> = {
  1: 'failed, nothing lost',
  2: 'usage',
  4: 'damage found',
  10: 'no repository',
  11: 'busy',
  12: 'wrong key',
  13: 'the plan is stale',
  14: 'refused: conflicts or collateral',
  15: 'not permitted',
  130: 'interrupted',
};

const NOTE = '<!-- Made by script/build-docs from packages/contracts/src/error-codes.ts. Change it there. -->';

const pagePath = (code: string): string => `docs/errors/${code}.md`;

function errorPage(code: string, facts: ErrorFacts): string {
  const again = facts.retryable
    ? 'The same call may succeed later with nothing else changed.'
    : 'The same call will fail again until the cause is removed.';
  return `${NOTE}
# ${facts.title}

\`${code}\` · exit code ${facts.exit} (${EXIT_MEANINGS[facts.exit]})

## What happened
${facts.cause}

## What to do
${facts.remedy}

${again}
`;
}

function indexPage(codes: readonly (readonly [string, ErrorFacts])[]): string {
  const areas = Map.groupBy(codes, ([code]) => code.split('/')[0] ?? '');
  const sections = [...areas].map(([area, entries]) => {
    const rows = entries.map(([code, facts]) => `| [\`${code}\`](${code}.md) | ${facts.exit} | ${facts.title} |`);
    return `## ${area}\n| code | exit | what happened |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return `${NOTE}
# Errors
Every error has a code that never changes its meaning. Each page says what happened, whether anything was changed, and what to do next.

${sections.join('\n')}`;
}

const codes = Object.entries<ErrorFacts>(ERROR_CODES);
const pages = new Map(codes.map(([code, facts]) => [pagePath(code), errorPage(code, facts)]));
pages.set('docs/errors/README.md', indexPage(codes));

const stray = globSync('docs/errors/**/*.md').filter((path) => !pages.has(path));
const differing = [...pages].filter(([path, text]) => !existsSync(path) || readFileSync(path, 'utf8') !== text);

if (process.argv.includes('--check')) {
  for (const path of stray) console.error(`${path}: there is no such error code`);
  for (const [path] of differing) console.error(`${path}: is not what the program would write; run script/build-docs`);
  process.exitCode = stray.length + differing.length === 0 ? 0 : 1;
} else {
  for (const path of stray) rmSync(path);
  for (const [path, text] of differing) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    console.log(`wrote ${basename(path)}`);
  }
}
console.log(`${pages.size} pages`);
