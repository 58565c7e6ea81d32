import { globSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cruise, type ICruiseOptions, type ICruiseResult, type IForbiddenRuleType } from 'dependency-cruiser';

/**
 * Runs the rules of `.dependency-cruiser.cjs`. A checker that cannot read TypeScript sees nothing and finds nothing
 * wrong, so it must have seen every source file and at least one import for each, or this fails.
 */
interface Configuration {
  readonly forbidden: IForbiddenRuleType[];
  readonly options: ICruiseOptions;
}

const folders = ['packages', 'apps', 'tests', 'script'];
const { forbidden, options } = createRequire(import.meta.url)('../.dependency-cruiser.cjs') as Configuration;
const { output } = await cruise(folders, { ...options, validate: true, ruleSet: { forbidden } });
const { modules, summary } = output as ICruiseResult;

const faults = summary.violations.map(({ rule, from, to }) => {
  const comment = forbidden.find(({ name }) => name === rule.name)?.comment ?? '';
  return `${from} → ${to}\n    ${rule.name}: ${comment}`;
});

const seen = new Set(modules.map(({ source }) => source));
for (const file of globSync(folders.map((folder) => `${folder}/**/*.{ts,tsx}`))) {
  if (!/(^|\/)(node_modules|dist|\.next[^/]*)\//.test(file) && !seen.has(file))
    faults.push(`${file}\n    was not seen`);
}
const ours = modules.filter(({ source }) => /^(packages|apps)\//.test(source));
const imports = ours.reduce((sum, { dependencies }) => sum + dependencies.length, 0);
if (imports < ours.length)
  faults.push(`only ${imports} imports were seen in ${ours.length} files: the checker is blind`);

for (const fault of faults) console.error(fault);
console.log(`${ours.length} files, ${imports} imports, ${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
