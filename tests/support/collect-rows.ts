import type { Definition } from '../../packages/contracts/src/index.ts';
import type { RowBatch } from '../../packages/engine/src/index.ts';
import {
  type Captured,
  type CaptureOptions,
  captureSlices,
} from '../../packages/postgres/src/capture/capture-slices.ts';
import { resolveSlice } from '../../packages/postgres/src/definition/resolve-slice.ts';
import type { Slice, SliceTable } from '../../packages/postgres/src/definition/slice.ts';
import { printTable } from '../../packages/postgres/src/session/quote.ts';

/** Whichever: these definitions have a root of their own. */
const IMPLEMENTATION_ID = '00000000-0000-4000-8000-000000000001';

/** A definition whose root is `public.shop (id)`; each table is scoped by its column `shop`, unless said otherwise. */
export function shopDefinition(tables: readonly (string | Definition['tables'][number])[]): Definition {
  return {
    version: 1,
    module: 'test',
    root: { table: 'public.shop', key: ['id'] },
    tables: tables.map((table) =>
      typeof table === 'string' ? { table, role: 'data', scope: { columns: { shop: 'id' } } } : table,
    ),
  };
}

export interface Collected extends Captured {
  /** Rows as lines of COPY text without their newline, by `schema.table`, in the order they came. */
  readonly lines: ReadonlyMap<string, readonly string[]>;
  readonly tables: ReadonlyMap<string, SliceTable>;
  readonly retries: readonly string[];
}

type CollectOptions = Omit<CaptureOptions, 'resolve' | 'onTable' | 'readers' | 'lockTimeoutMs'> & {
  readonly definition: Definition;
  readonly shop?: number;
  readonly readers?: number;
  readonly lockTimeoutMs?: number;
  /** After the first batch of a table was taken, and before the next is asked for. */
  readonly onBatch?: (table: string) => Promise<void> | void;
};

/** Captures shop 1, or another, and keeps all rows. */
export async function collectSlice(options: CollectOptions): Promise<Collected> {
  const { definition, onBatch, onRetry, ...rest } = options;
  const lines = new Map<string, string[]>();
  const retries: string[] = [];
  const captured = await captureSlices({
    readers: 2,
    lockTimeoutMs: 10_000,
    ...rest,
    resolve: (client): Promise<Slice> =>
      resolveSlice(client, definition, { id: options.shop ?? 1 }, { implementationId: IMPLEMENTATION_ID }),
    onTable: async (table, batches) => {
      const name = printTable(table.facts);
      const rows: string[] = [];
      lines.set(name, rows);
      for await (const batch of batches) {
        rows.push(...linesOfBatch(batch));
        await onBatch?.(name);
      }
    },
    onRetry: async (reason) => {
      retries.push(reason);
      lines.clear();
      await onRetry?.(reason);
    },
  });
  const tables = new Map(captured.slice.tables.map((table) => [printTable(table.facts), table]));
  return { ...captured, lines, tables, retries };
}

export function linesOfBatch(batch: RowBatch): string[] {
  let start = 0;
  return batch.ends.map((end) => {
    const line = batch.bytes.toString('utf8', start, end - 1);
    start = end;
    return line;
  });
}
