import { CofreError } from '@cofre/contracts';
import type { DefinitionFault } from './slice.ts';

/** A place inside a definition: `['tables', 2, 'scope', 'parent']`. */
export type FaultPath = readonly (string | number)[];

/** Finds the place in the text that a definition was read from. `key`: the fault lies in the name, not in its value. */
export type FaultPlacer = (path: FaultPath, message: string, at?: 'key' | 'value') => DefinitionFault;

/** Collects what is wrong, so that everything is told at once. */
export class FaultList {
  readonly #texts: string[] = [];
  readonly #place: FaultPlacer | undefined;

  /** Without `place` (a definition that was kept in the database) faults have a path and no line. */
  constructor(place?: FaultPlacer) {
    this.#place = place;
  }

  get isEmpty(): boolean {
    return this.#texts.length === 0;
  }

  add(path: FaultPath, message: string, at?: 'key' | 'value'): void {
    this.#texts.push(
      this.#place === undefined ? `${printPath(path)}: ${message}` : printFault(this.#place(path, message, at)),
    );
  }

  /** A fault of the implementation's scope, which is not in the file. */
  addToScope(part: string, message: string): void {
    this.#texts.push(`the implementation's scope, ${part}: ${message}`);
  }

  throwIfAny(): void {
    if (!this.isEmpty) throw definitionInvalid(this.#texts);
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
