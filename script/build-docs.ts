import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { ERROR_CODES, type ErrorFacts } from '@cofre/contracts';
import { buildProgram } from '../apps/cli/src/program.ts';

/**
 * Writes the pages that are made from the program: docs/cli.md, and one in docs/errors/ for each error code. With
 * --check it writes nothing and fails where a page is missing, differs or has no code any more.
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

const note = (source: string): string => `<!-- Made by script/build-docs from ${source}. Change it there. -->`;
const NOTE = note('packages/contracts/src/error-codes.ts');

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

type ProgramCommand = ReturnType<typeof buildProgram>;

/** Commands that do something, with their full names; those of a later version take any argument, and are left out. */
function commandsOf(
  command: ProgramCommand,
  path: readonly string[],
): { readonly path: string; readonly command: ProgramCommand }[] {
  if (command.commands.length > 0) {
    return command.commands.flatMap((child) => commandsOf(child, [...path, child.name()]));
  }
  const isLater = command.registeredArguments.some((argument) => argument.name() === 'arguments');
  return isLater ? [] : [{ path: path.join(' '), command }];
}

/** Options that every command has, told once. */
const COMMON_OPTIONS = ['--json', '--progress'];

function commandSection({ path, command }: { readonly path: string; readonly command: ProgramCommand }): string {
  const help = command.createHelp();
  const args = command.registeredArguments.map((argument) => {
    const name = argument.variadic ? `${argument.name()}…` : argument.name();
    return argument.required ? ` <${name}>` : ` [${name}]`;
  });
  const options = command.options.filter(({ long, hidden }) => !hidden && !COMMON_OPTIONS.includes(long ?? ''));
  const rows = [
    ...command.registeredArguments.map((argument) => [argument.name(), argument.description]),
    ...options.map((option) => [option.flags, help.optionDescription(option)]),
  ].filter(([name = '', description = '']) => name.startsWith('-') || description !== '');
  const table = rows.map(([name = '', description = '']) => `| \`${name}\` | ${description.replaceAll('|', '\\|')} |`);
  const usage = `cofre ${path}${args.join('')}${options.length > 0 ? ' [options]' : ''}`;
  const heading = `## cofre ${path}\n${sentence(command.description())}\n\n\`\`\`\n${usage}\n\`\`\`\n`;
  return table.length === 0 ? heading : `${heading}\n| | |\n| --- | --- |\n${table.join('\n')}\n`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}

function cliPage(): string {
  const program = buildProgram(() => Promise.resolve());
  const sections = commandsOf(program, []).map(commandSection);
  return `${note('apps/cli/src/program.ts')}
# The command line
${program.description()}

Every command takes \`--json\` (one JSON document on standard output) and \`--progress none|bar|json\` (on standard error). A backup's or
restore's id may be shortened to its first four or more characters; a backup may also be \`latest\` or \`latest:full\`. An
implementation is named by its id or as \`module/key\`.

${sections.join('\n')}`;
}

const codes = Object.entries<ErrorFacts>(ERROR_CODES);
const pages = new Map(codes.map(([code, facts]) => [pagePath(code), errorPage(code, facts)]));
pages.set('docs/errors/README.md', indexPage(codes));
pages.set('docs/cli.md', cliPage());

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
