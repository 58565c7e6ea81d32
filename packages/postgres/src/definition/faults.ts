import { CofreError } from '@cofre/contracts';
import type { DefinitionFault } from './slice.ts';

/** A place inside a definition: `['tables', 2, 'scope', 'parent']`. */
export type FaultPath = readonly (string | number)[];

/** Finds the place in the text that a definition was read from. `key`: the fault lies in the name, not in its value. */
export type FaultPlacer = (path: FaultPath, message: string, at?: 'key' | 'value') => DefinitionFault;

/** Collects what is wrong, so that everything is told at once, in the order of the file. */
export class FaultList {
  readonly #faults: { readonly text: string; readonly line: number; readonly column: number }[] = [];
  readonly #place: FaultPlacer | undefined;

  /** Without `place` (a definition that was kept in the database) faults have a path and no line. */
  constructor(place?: FaultPlacer) {
    this.#place = place;
  }

  get isEmpty(): boolean {
    return this.#faults.length === 0;
  }

  add(path: FaultPath, message: string, at?: 'key' | 'value'): void {
    const fault = this.#place?.(path, message, at);
    if (fault === undefined) this.#faults.push({ text: `${printPath(path)}: ${message}`, line: 0, column: 0 });
    else this.#faults.push({ text: printFault(fault), line: fault.line, column: fault.column });
  }

  /** A fault of the implementation's scope, which is not in the file. */
  addToScope(part: string, message: string): void {
    this.#faults.push({ text: `the implementation's scope, ${part}: ${message}`, line: 0, column: 0 });
  }

  throwIfAny(): void {
    if (this.isEmpty) return;
    const sorted = this.#faults.toSorted((a, b) => a.line - b.line || a.column - b.column);
    throw definitionInvalid(sorted.map(({ text }) => text));
  }
}

export function definitionInvalid(faults: readonly string[]): CofreError {
  const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
  const lines = faults.map((fault) => `  ${fault}`).join('\n');
  return new CofreError('definition/invalid', `The definition has ${count}; nothing was changed.\n${lines}`, {
    params: { faults },
  });
}

/** `12:5 tables[2].scope.parent: …` */
export function printFault(fault: DefinitionFault): string {
  return `${fault.line}:${fault.column} ${fault.path}: ${fault.message}`;
}

/** `tables[2].scope.columns["Store Id"]` */
export function printPath(path: FaultPath): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text === '' ? 'the document' : text;
}
