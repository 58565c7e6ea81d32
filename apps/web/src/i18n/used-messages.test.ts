import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import en from '../../messages/en.json' with { type: 'json' };

/** That what is used is there is seen to by the types of next-intl. Here: that what is there is used. */

type Messages = { readonly [key: string]: string | Messages };

/** The keys of a catalogue, as `['restore', 'rows', 'more']`. */
function keysOf(messages: Messages): readonly (readonly string[])[] {
  return Object.entries(messages).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name]] : keysOf(value).map((rest) => [name, ...rest]),
  );
}

/** What a file says that may be a key, or begin one. */
interface Said {
  readonly texts: ReadonlySet<string>;
  /** Of templates: `roles.${role}` may be any role. */
  readonly patterns: readonly RegExp[];
}

function saidIn(file: string): Said {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
  const texts = new Set<string>();
  const patterns: RegExp[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) texts.add(node.text);
    if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name)) texts.add(node.name.text);
    if (ts.isTemplateExpression(node)) patterns.push(...patternsOf(node));
    node.forEachChild(visit);
  };
  visit(source);
  return { texts, patterns };
}

/** None of addresses and of what is put together of anything: that could be every key. */
function patternsOf({ head, templateSpans }: ts.TemplateExpression): readonly RegExp[] {
  const parts = [head.text, ...templateSpans.map(({ literal }) => literal.text)];
  if (!/^[\w.]*[a-z][\w.]*$/.test(parts.join(''))) return [];
  return [new RegExp(`^${parts.map((part) => part.replaceAll('.', '\\.')).join('.+')}$`)];
}

/** Which of these is said stands in the database or in another file: whoever says the namespace means all of them. */
const NAMED_ELSEWHERE = new Set(['backups.safetyDescriptions', 'restore.steps']);

const sources = globSync(path.join(import.meta.dirname, '../**/*.{ts,tsx}')).filter((file) => !file.includes('.test.'));

/** Keys that nothing says. Errors are compared with their codes elsewhere. */
function unusedOf(messages: Messages): readonly string[] {
  const said = sources.map(saidIn);
  const says = ({ texts, patterns }: Said, key: string) => texts.has(key) || patterns.some((it) => it.test(key));
  const isUsed = (key: readonly string[]) =>
    key.some((_, at) => {
      const [namespace, rest] = [key.slice(0, at).join('.'), key.slice(at).join('.')];
      if (at === 0) return false;
      return said.some((file) => file.texts.has(namespace) && (NAMED_ELSEWHERE.has(namespace) || says(file, rest)));
    });
  return keysOf(messages)
    .filter((key) => key[0] !== 'errors' && !isUsed(key))
    .map((key) => key.join('.'));
}

it('no message is left that nothing says', () => {
  const modules = { ...en.modules, saidByNobody: 'Nobody says this.' };
  expect(unusedOf({ ...en, modules })).toEqual(['modules.saidByNobody']);
});
