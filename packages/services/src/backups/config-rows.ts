import { linesOf, type RowBatch, splitLine } from '@cofre/engine';
import { printTable, type SliceTable } from '@cofre/postgres';

/** What `backup_data` may hold of configuration: beyond it a row of the catalogue would be a burden to every list. */
const CONFIG_BYTES_MAX = 1024 * 1024;

/** What several backups that are made together may hold of it; each takes from it. */
export interface ConfigBudget {
  bytesLeft: number;
}

type JsonValue = string | number | boolean | null | object;

/** Gathers the config rows of a backup as JSON while they pass by, without secret columns, up to a limit over all tables. */
export class ConfigRows {
  readonly #tables = new Map<string, Record<string, JsonValue>[]>();
  readonly #shared: ConfigBudget;
  #bytesLeft = CONFIG_BYTES_MAX;
  #isWhole = true;

  constructor(shared: ConfigBudget = { bytesLeft: CONFIG_BYTES_MAX }) {
    this.#shared = shared;
  }

  async *tee(table: SliceTable, batches: AsyncIterable<RowBatch>): AsyncGenerator<RowBatch, void, void> {
    const rows: Record<string, JsonValue>[] = [];
    this.#tables.set(printTable(table.facts), rows);
    for await (const batch of batches) {
      this.#gather(table, rows, batch);
      yield batch;
    }
  }

  /** null: they were more than fit, and half of a configuration would only mislead. */
  result(): Readonly<Record<string, readonly Record<string, JsonValue>[]>> | null {
    return this.#isWhole ? Object.fromEntries(this.#tables) : null;
  }

  #gather(table: SliceTable, rows: Record<string, JsonValue>[], batch: RowBatch): void {
    if (!this.#isWhole) return;
    this.#bytesLeft -= batch.bytes.length;
    this.#shared.bytesLeft -= batch.bytes.length;
    if (this.#bytesLeft < 0 || this.#shared.bytesLeft < 0) {
      this.#isWhole = false;
      this.#tables.clear();
      return;
    }
    for (const line of linesOf(batch)) rows.push(toJson(table, splitLine(line)));
  }
}

function toJson(table: SliceTable, values: readonly (string | null)[]): Record<string, JsonValue> {
  const entries = table.columns.flatMap(({ name, type }, index) =>
    table.secret.has(name) ? [] : [[name, toJsonValue(type, values[index] ?? null)] as const],
  );
  return Object.fromEntries(entries);
}

/** As people expect to read it; what JSON cannot hold exactly stays PostgreSQL's text. */
function toJsonValue(type: string, text: string | null): JsonValue {
  if (text === null) return null;
  switch (type) {
    case 'boolean':
      return text === 't';
    case 'smallint':
    case 'integer':
      return Number(text);
    case 'json':
    case 'jsonb':
      return parsedJson(text);
    default:
      return text;
  }
}

/** A NUL or half a surrogate pair: `json` takes their escapes, and the catalogue's `jsonb` does not. */
const BEYOND_JSONB = /\\u(0000|d[89a-f])/i;

function parsedJson(text: string): JsonValue {
  if (BEYOND_JSONB.test(text)) return text;
  try {
    const value: unknown = JSON.parse(text);
    // Numbers that JavaScript would round, and doubled keys of `json`, are kept as they were written.
    return JSON.stringify(value).length === text.replaceAll(/\s/g, '').length ? (value as JsonValue) : text;
  } catch (error) {
    // Nested deeper than JavaScript can follow.
    if (error instanceof RangeError) return text;
    throw error;
  }
}
