import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { twMerge } from 'tailwind-merge';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const FILES = globSync(path.join(import.meta.dirname, '../**/*.tsx')).map((file) =>
  ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX),
);

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  node.forEachChild((child) => walk(child, visit));
}

function textsIn(node: ts.Node): readonly string[] {
  const found: string[] = [];
  walk(node, (it) => ts.isStringLiteralLike(it) && found.push(it.text));
  return found;
}

/** The class names that each component of the kit gives itself, in any of its variants. */
function kitClasses(): ReadonlyMap<string, readonly string[]> {
  const kit = FILES.filter(({ fileName }) => fileName.includes('/components/ui/'));
  const constants = new Map<string, readonly string[]>();
  for (const file of kit)
    walk(file, (node) => {
      if (!ts.isVariableDeclaration(node) || node.initializer === undefined) return;
      constants.set(node.name.getText(), textsIn(node.initializer));
    });
  const found = new Map<string, readonly string[]>();
  for (const file of kit)
    walk(file, (node) => {
      if (!ts.isFunctionDeclaration(node) || node.name === undefined) return;
      const classes: string[] = [];
      walk(node, (it) => {
        if (ts.isCallExpression(it) && it.expression.getText() === 'cn') classes.push(...it.arguments.flatMap(textsIn));
        if (ts.isIdentifier(it)) classes.push(...(constants.get(it.text) ?? []));
      });
      found.set(node.name.text, classes);
    });
  return found;
}

/** Of the classes that are there, those that set what `own` sets too. */
function undecided(there: string, own: string): readonly string[] {
  const left = new Set(twMerge(there, own).split(' '));
  return there.split(' ').filter((name) => name !== '' && !left.has(name));
}

describe('class names', () => {
  const kit = kitClasses();

  it('of the kit are seen by this test', () => {
    expect(kit.get('Button')?.join(' ')).toContain('bg-destructive');
    expect(kit.get('CardContent')).toEqual(['kit:px-5']);
    expect(undecided('flex px-5', 'px-3')).toEqual(['px-5']);
  });

  it('that set anew what a component of the kit sets are let to by it', () => {
    const clashes: string[] = [];
    for (const file of FILES)
      walk(file, (node) => {
        if (!ts.isJsxOpeningLikeElement(node)) return;
        const classes = kit.get(node.tagName.getText()) ?? [];
        for (const attribute of node.attributes.properties) {
          if (!ts.isJsxAttribute(attribute) || attribute.name.getText() !== 'className') continue;
          for (const own of textsIn(attribute))
            for (const there of classes.flatMap((it) => undecided(it, own)))
              clashes.push(`${path.basename(file.fileName)}: <${node.tagName.getText()}> ${there} and ${own}`);
        }
      });
    expect(clashes).toEqual([]);
  });
});
