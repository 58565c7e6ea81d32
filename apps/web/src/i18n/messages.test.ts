import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { isLiteralElement, type MessageFormatElement, parse } from '@formatjs/icu-messageformat-parser';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../../../../packages/contracts/src/index.ts';
import en from '../../messages/en.json' with { type: 'json' };
import ptBR from '../../messages/pt-BR.json' with { type: 'json' };

type Messages = { readonly [key: string]: string | Messages };

function flatten(messages: Messages, prefix = ''): Map<string, string> {
  return new Map(
    Object.entries(messages).flatMap(([key, value]): [string, string][] =>
      typeof value === 'string' ? [[`${prefix}${key}`, value]] : [...flatten(value, `${prefix}${key}.`)],
    ),
  );
}

/** What a message has to be given: arguments and tags. Throws where its braces do not fit. */
function partsOf(message: string): string[] {
  const names = (nodes: readonly MessageFormatElement[]): string[] =>
    nodes.flatMap((node) => {
      if ('options' in node) return [node.value, ...Object.values(node.options).flatMap(({ value }) => names(value))];
      if ('children' in node) return [`<${node.value}>`, ...names(node.children)];
      return isLiteralElement(node) || !('value' in node) ? [] : [node.value];
    });
  return [...new Set(names(parse(message)))].sort();
}

const english = flatten(en);
const portuguese = flatten(ptBR);

describe('the message catalogues', () => {
  it('both languages have the same keys', () => {
    expect([...portuguese.keys()].sort()).toEqual([...english.keys()].sort());
    expect(english.size).toBeGreaterThan(200);
  });

  it('each message takes the same values in both, and none is empty', () => {
    for (const [key, message] of english) {
      const translated = portuguese.get(key) ?? '';
      expect(partsOf(translated), key).toEqual(partsOf(message));
      expect([message.trim(), translated.trim()], key).not.toContain('');
    }
  });

  it('every error code has a message and a hint, and there is none for a code that is gone', () => {
    for (const { errors } of [en, ptBR]) {
      expect(Object.keys(errors).sort()).toEqual(Object.keys(ERROR_CODES).sort());
      for (const [code, words] of Object.entries(errors)) expect(Object.keys(words), code).toEqual(['message', 'hint']);
    }
  });

  it('a sentence in Portuguese is not the English one left as it was', () => {
    const same = [...english].filter(([key, message]) => portuguese.get(key) === message && /\w \w+ \w/.test(message));
    expect(same.map(([key]) => key)).toEqual([]);
  });
});

/** Attributes that people see or hear. */
const SPOKEN = new Set(['aria-label', 'aria-description', 'alt', 'title', 'placeholder', 'label', 'description']);

/** The text that an expression may give, as far as it stands there itself. */
function wordsOf(expression: ts.Node | undefined): string {
  if (expression === undefined) return '';
  if (ts.isStringLiteralLike(expression)) return expression.text;
  if (ts.isParenthesizedExpression(expression)) return wordsOf(expression.expression);
  if (ts.isConditionalExpression(expression)) return wordsOf(expression.whenTrue) + wordsOf(expression.whenFalse);
  if (ts.isBinaryExpression(expression)) return wordsOf(expression.left) + wordsOf(expression.right);
  if (ts.isTemplateExpression(expression))
    return expression.head.text + expression.templateSpans.map(({ literal }) => literal.text).join('');
  return '';
}

/** Letters in text nodes and in spoken attributes: what stands in the code is in one language only. */
function textIn(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
  const found: string[] = [];
  const note = (node: ts.Node, text: string) => {
    if (!/\p{L}/u.test(text)) return;
    const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
    found.push(`${path.basename(file)}:${line + 1}: ${text.trim()}`);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isJsxText(node)) note(node, node.text);
    if (ts.isJsxExpression(node) && !ts.isJsxAttribute(node.parent)) note(node, wordsOf(node.expression));
    if (ts.isJsxAttribute(node) && SPOKEN.has(node.name.getText(source))) {
      const value = node.initializer;
      note(node, wordsOf(value !== undefined && ts.isJsxExpression(value) ? value.expression : value));
    }
    if (ts.isCallExpression(node) && node.expression.getText(source).startsWith('toast.'))
      for (const argument of node.arguments) note(node, wordsOf(argument));
    node.forEachChild(visit);
  };
  visit(source);
  return found;
}

describe('the code', () => {
  const files = globSync(path.join(import.meta.dirname, '../**/*.tsx'));

  it('holds no text that people see', () => {
    expect(files.length).toBeGreaterThan(30);
    expect(files.flatMap(textIn)).toEqual([]);
  });
});
