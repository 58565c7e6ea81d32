import { type Definition, definition } from '@cofre/contracts';
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { definitionInvalid, type FaultPath, type FaultPlacer, printFault, printPath } from './faults.ts';
import type { DefinitionFault } from './slice.ts';

export interface ParsedDefinition {
  readonly definition: Definition;
  /** Gives faults that are found later their place in this text. */
  readonly faultAt: FaultPlacer;
}

/** Reads a definition from YAML (of which JSON is a part). Throws `definition/invalid` with every fault and its place. */
export function parseDefinition(text: string): ParsedDefinition {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number, path: FaultPath, message: string): DefinitionFault => {
    const { line, col } = lines.linePos(offset);
    // An empty text has no lines, and its faults stand at its beginning.
    return { line: Math.max(line, 1), column: Math.max(col, 1), path: printPath(path), message };
  };
  const mistakes = [...document.errors, ...document.warnings].map((error) => at(error.pos[0], [], error.message));
  if (mistakes.length > 0) throw definitionInvalid(mistakes.map(printFault));

  const faultAt: FaultPlacer = (path, message, where) => at(offsetOf(document, path, where ?? 'value'), path, message);
  const parsed = definition.safeParse(plainValue(document, faultAt));
  if (parsed.success) return { definition: parsed.data, faultAt };
  throw definitionInvalid(parsed.error.issues.flatMap((issue) => faultsOf(issue, faultAt)).map(printFault));
}

function plainValue(document: Document.Parsed, faultAt: FaultPlacer): unknown {
  try {
    return document.toJS();
  } catch (error) {
    // Aliases that name nothing, or so many that they only serve to exhaust memory.
    throw definitionInvalid([printFault(faultAt([], error instanceof Error ? error.message : String(error)))]);
  }
}

interface Issue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
}

function faultsOf(issue: Issue, faultAt: FaultPlacer): DefinitionFault[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  if (issue.code === 'unrecognized_keys') {
    return (issue.keys ?? []).map((key) => faultAt([...path, key], 'there is no such key', 'key'));
  }
  return [faultAt(path, issue.message, issue.code === 'invalid_key' ? 'key' : 'value')];
}

/** Where the value at a path begins, or its key; where there is no such path, the nearest thing around it. */
function offsetOf(document: Document.Parsed, path: FaultPath, where: 'key' | 'value'): number {
  let node: Node | null | undefined = document.contents;
  let offset = node?.range?.[0] ?? 0;
  for (const [index, part] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    const key = index === path.length - 1 && where === 'key';
    node = childOf(node, part, key);
    if (node === null) return offset;
    offset = node.range?.[0] ?? offset;
  }
  return offset;
}

function childOf(node: Node | null | undefined, part: string | number, wantsKey: boolean): Node | null {
  if (isSeq<Node>(node)) return node.items[Number(part)] ?? null;
  if (!isMap<Node, Node | null>(node)) return null;
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
  return (wantsKey ? pair?.key : (pair?.value ?? pair?.key)) ?? null;
}
