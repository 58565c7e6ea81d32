import { CofreError } from '@cofre/contracts';
import type { Installation } from '@cofre/setup';

export interface Output {
  write(text: string): void;
  /** Settles when more can be taken: what reads behind a pipe may be slow. */
  pour(chunk: Uint8Array): Promise<void>;
}

/** What a command is handed: what was typed, what to work with, and where to print. */
export class Run {
  /** Arguments in order; a variadic one is the last. */
  readonly operands: readonly string[];
  readonly composition: Installation;
  /** The environment, for what is started beside us; what is read of it comes through `composition`. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly #options: Readonly<Record<string, unknown>>;
  readonly #stdout: Output;

  constructor(input: {
    readonly operands: readonly string[];
    readonly options: Readonly<Record<string, unknown>>;
    readonly composition: Installation;
    readonly variables: Readonly<Record<string, string | undefined>>;
    readonly stdout: Output;
  }) {
    this.operands = input.operands;
    this.composition = input.composition;
    this.variables = input.variables;
    this.#options = input.options;
    this.#stdout = input.stdout;
  }

  /** The argument at this place, which the command's declaration makes sure of. */
  operand(index: number): string {
    const operand = this.operands[index];
    if (operand === undefined) throw new CofreError('usage/invalid', 'An argument is missing. Nothing was started.');
    return operand;
  }

  flag(name: string): boolean {
    return this.#options[name] === true;
  }

  /** Whether `--no-<name>` was given. */
  isOff(name: string): boolean {
    return this.#options[name] === false;
  }

  text(name: string): string | undefined {
    const value = this.#options[name];
    return typeof value === 'string' ? value : undefined;
  }

  list(name: string): string[] | undefined {
    const value = this.#options[name];
    return Array.isArray(value) ? value.map(String) : undefined;
  }

  integer(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (/^\d{1,9}$/.test(text)) return Number(text);
    throw new CofreError('usage/invalid', `--${name} takes a whole number, not "${text}". Nothing was started.`);
  }

  /** Options that belong to a later version are known by name, so that nobody takes their absence for a typing error. */
  refuseNotYet(names: readonly string[]): void {
    for (const name of names) {
      const value = this.#options[name];
      if (value === undefined || value === false) continue;
      const flag = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
      throw new CofreError('usage/not-available-yet', `This version does not know ${flag} yet. Nothing was started.`, {
        params: { option: flag },
      });
    }
  }

  /** Prints a part of an answer that is no document. */
  pour(chunk: Uint8Array): Promise<void> {
    return this.#stdout.pour(chunk);
  }

  /** Prints the answer: as one JSON document with `--json`, else in words. */
  print(document: unknown, words: () => string): void {
    this.#stdout.write(`${this.flag('json') ? JSON.stringify(document) : words()}\n`);
  }
}

/** Does the work of a command and gives its exit code; undefined is 0. */
export type Command = (run: Run) => Promise<number | undefined>;

/** An optional property: with `exactOptionalPropertyTypes` what is undefined is left out. */
export function present<Name extends string, Value>(name: Name, value: Value | undefined): { [key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [key in Name]: Value });
}
