import { batchesOfLines, joinLine, type ProbedTable } from '@cofre/engine';
import { batches } from './fixtures.ts';

/** A table that knows which of its rows were touched since the backup before, as PostgreSQL does by `xmin`. */
export class LiveTable {
  readonly rows: Map<number, string>;
  readonly touched = new Set<number>();

  constructor(rows: ReadonlyMap<number, string>) {
    this.rows = new Map(rows);
  }

  set(id: number, value: string): void {
    this.rows.set(id, value);
    this.touched.add(id);
  }

  delete(id: number): void {
    this.rows.delete(id);
    this.touched.delete(id);
  }

  /** Lies by changing what the honest probe answers. */
  probe(lie: (honest: ProbedTable) => Partial<ProbedTable> = () => ({})): (lows: readonly string[]) => ProbedTable {
    return (lows) => {
      const rangeOf = (id: number) => lows.filter((low) => id >= Number(low)).length;
      const some = (wanted: (id: number) => boolean) => new Map([...this.rows].filter(([id]) => wanted(id)));
      const honest: ProbedTable = {
        count: async () => {
          const counts = new Map<number, { rows: number; touched: number }>();
          for (const id of this.rows.keys()) {
            const count = counts.get(rangeOf(id)) ?? { rows: 0, touched: 0 };
            count.rows++;
            if (this.touched.has(id)) count.touched++;
            counts.set(rangeOf(id), count);
          }
          return counts;
        },
        rows: (whole) => batches(some((id) => this.touched.has(id) || whole.has(rangeOf(id)))),
        keys: (ranges) =>
          batchesOfLines(
            [...some((id) => ranges.has(rangeOf(id))).keys()]
              .toSorted((a, b) => a - b)
              .map((id) => joinLine([String(id)])),
          ),
      };
      return { ...honest, ...lie(honest) };
    };
  }
}
