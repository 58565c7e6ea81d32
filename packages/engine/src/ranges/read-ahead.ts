import { assert } from '@cofre/contracts';

/** Enough that a store across a network is not waited for block by block. */
const AHEAD = 8;

/** Reads what will be asked for, in the order in which it will be, some ahead of the reader. */
export class ReadAhead<Value> {
  readonly #indexes: Iterator<number>;
  readonly #read: (index: number) => Promise<Value>;
  readonly #reading = new Map<number, Promise<Value>>();

  constructor(indexes: Iterable<number>, read: (index: number) => Promise<Value>) {
    this.#indexes = indexes[Symbol.iterator]();
    this.#read = read;
  }

  get(index: number): Promise<Value> {
    while (this.#reading.size < AHEAD) {
      const next = this.#indexes.next();
      if (next.done === true) break;
      const value = this.#read(next.value);
      value.catch(() => undefined); // Thrown when its turn comes.
      this.#reading.set(next.value, value);
    }
    const value = this.#reading.get(index);
    assert(value !== undefined, 'what is read ahead is asked for in its order');
    this.#reading.delete(index);
    return value;
  }
}
