import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import ts from 'typescript';

/** Style as a test: what no linter of others knows about this house. Each ban names what to use instead. */
interface Ban {
  /** Code as it stands, without arguments: `Date.now`, `new Date()`. */
  readonly code: RegExp;
  readonly instead: string;
  /** Files where it belongs. */
  readonly rooms: RegExp;
}

const SYSTEM = /^packages\/storage\/src\/system/;
const EDGE = /^apps\/[^/]+\/src\//;
const COMPOSITION_ROOT = /^apps\/[^/]+\/src\/(main|compose|server\/(supabase-)?environment)\.ts$/;
/** What somebody chooses in the browser is told by its own clock. */
const BROWSER_CLOCK = /^apps\/web\/src\/lib\/browser-now\.ts$/;
/** The nonce of a page is drawn for each request, before anything else is there. */
const NONCE = /^apps\/web\/src\/proxy\.ts$/;
/** Names that the platform has for these. */
const GIVEN_NAMES = /\/(ModuleBackupManager\.tsx$|implementations-manager\/)/;

const BANS: readonly Ban[] = [
  {
    code: /^(Date\.now|new Date\(\)|performance\.now)$/,
    instead: 'a Clock that is passed in',
    rooms: anyOf(SYSTEM, BROWSER_CLOCK),
  },
  {
    code: /^(Math\.random|randomBytes|randomUUID|randomInt|crypto\.(randomBytes|randomUUID|getRandomValues))$/,
    instead: 'a Random that is passed in',
    rooms: anyOf(SYSTEM, NONCE),
  },
  {
    code: /^process\.env$/,
    instead: 'options; only the composition root reads the environment',
    rooms: COMPOSITION_ROOT,
  },
  {
    code: /^process\.(exit|exitCode|argv|cwd|stdout|stderr|stdin)$/,
    instead: 'a return value, or an option',
    rooms: EDGE,
  },
  { code: /^console\.\w+$/, instead: 'an event or a return value that an edge puts into words', rooms: EDGE },
];

function anyOf(...rooms: readonly RegExp[]): RegExp {
  return new RegExp(rooms.map((it) => it.source).join('|'));
}

const faults: string[] = [];

function listFiles(): string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' });
  return listed.split('\n').filter((file) => file !== '' && existsSync(file));
}

/** The banned thing that a node is, spelled as in `BANS`, or null. */
function codeOf(node: ts.Node, source: ts.SourceFile): string | null {
  if (ts.isPropertyAccessExpression(node)) return node.getText(source).replaceAll(/\s/g, '');
  if (ts.isNewExpression(node) && node.expression.getText(source) === 'Date' && !node.arguments?.length)
    return 'new Date()';
  if (ts.isImportSpecifier(node)) return (node.propertyName ?? node.name).getText(source);
  return null;
}

function checkBans(file: string, source: ts.SourceFile): void {
  const visit = (node: ts.Node): void => {
    const code = codeOf(node, source);
    const ban = code === null ? undefined : BANS.find((it) => it.code.test(code) && !it.rooms.test(file));
    if (code !== null && ban !== undefined) report(source, node.getStart(source), `${code}: use ${ban.instead}`);
    node.forEachChild(visit);
  };
  visit(source);
}

/** `as unknown as X` switches the compiler off; the line, or the one above, has to say why that is right. */
function checkCasts(file: string, source: ts.SourceFile): void {
  const lines = source.text.split('\n');
  for (const [index, line] of lines.entries()) {
    if (!/\bas unknown as\b/.test(line)) continue;
    const reasoned = [lines[index - 1] ?? '', line].some((it) => /\/\/|\*/.test(it));
    if (!reasoned) faults.push(`${file}:${index + 1}: a cast through unknown without a comment that says why it holds`);
  }
}

function report(source: ts.SourceFile, position: number, message: string): void {
  const { line } = source.getLineAndCharacterOfPosition(position);
  faults.push(`${source.fileName}:${line + 1}: ${message}`);
}

function checkName(file: string): void {
  const name = basename(file);
  const isComponent = file.endsWith('.tsx');
  if (!KEBAB.test(name) && !(isComponent && COMPONENT.test(name))) {
    faults.push(`${file}: file names are kebab-case, those of React components perhaps PascalCase`);
  }
  if (/(^|[/-])(utils?|helpers?|manager|common|misc)([.-]|\/)/.test(file) && !GIVEN_NAMES.test(`/${file}`)) {
    faults.push(`${file}: name it after the one thing it holds, not utils, helpers, manager or common`);
  }
}

const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.config|\.d)?\.tsx?$/;
const COMPONENT = /^([A-Z][a-z0-9]*)+\.tsx$/;

function checkOpenEnds(file: string, text: string): void {
  for (const [index, line] of text.split('\n').entries()) {
    if (/\b(TODO|FIXME|XXX|HACK)\b/.test(line)) faults.push(`${file}:${index + 1}: do it now, or file an issue`);
  }
}

const files = listFiles();
const sources = files.filter((file) => /\.tsx?$/.test(file));
for (const file of sources) {
  const text = readFileSync(file, 'utf8');
  checkName(file);
  if (file !== 'script/tidy.ts') checkOpenEnds(file, text);
  const isProduct = /^(packages|apps)\/[^/]+\/src\//.test(file) && !file.endsWith('.test.ts');
  if (!isProduct) continue;
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  checkBans(file, source);
  checkCasts(file, source);
}

/** Built, others' sources and all. */
const BUILT = /^apps\/reader\/recovery\//;
for (const file of files.filter((it) => /\.(sql|sh|yaml|yml|mjs|cjs)$/.test(it) && !BUILT.test(it)))
  checkOpenEnds(file, readFileSync(file, 'utf8'));

const referenced = readFileSync('tsconfig.json', 'utf8');
for (const folder of globSync(['packages/*', 'apps/*'])) {
  if (!existsSync(`${folder}/package.json`)) continue;
  if (!existsSync(`${folder}/README.md`)) faults.push(`${folder}: has no README.md`);
  if (!referenced.includes(`"${folder}"`)) faults.push(`tsconfig.json: ${folder} is not among the references`);
}

for (const fault of faults) console.error(fault);
console.log(`${sources.length} files, ${faults.length} faults`);
process.exitCode = faults.length === 0 && sources.length > 0 ? 0 : 1;
