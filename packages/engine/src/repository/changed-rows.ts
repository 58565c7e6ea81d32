import type { ManifestTable } from '../format/manifest.ts';
import type { CutRange } from '../ranges/cut-ranges.ts';
import { batchOfBlock, linesOf } from '../rows/batches.ts';
import { keyOfLine } from '../rows/keys.ts';
import type { RowLayout } from '../rows/layout.ts';
import type { Repository } from './repository.ts';

/**
 * Counts the rows of one table that were inserted, updated or deleted since the parent, while it is written. Only ranges
 * that changed are looked at. In a table with no key every row of a block that is not the parent's counts as changed.
 */
export class ChangedRows {
  readonly #repository: Repository;
  readonly #layout: RowLayout;
  readonly #parentRows: number | null;
  /** Key → line, of the parent's range that is being rewritten. */
  #before = new Map<string, string>();
  #same = 0;
  #updated = 0;

  constructor(repository: Repository, input: { readonly layout: RowLayout; readonly inherited: ManifestTable | null }) {
    this.#repository = repository;
    this.#layout = input.layout;
    this.#parentRows = input.inherited?.rows ?? null;
  }

  reused(range: CutRange): void {
    this.#same += range.rows;
  }

  async stored(range: CutRange): Promise<void> {
    if (this.#parentRows === null || this.#layout.key.length === 0) return;
    if (range.inherited?.base) {
      this.#before.clear();
      const block = await this.#repository.readBlock(range.inherited.base.rows, 'rows');
      for (const line of linesOf(batchOfBlock(block)))
        this.#before.set(keyOfLine(line, this.#layout).toString('latin1'), line.toString('latin1'));
    }
    for (const line of linesOf(batchOfBlock(range.bytes))) {
      const before = this.#before.get(keyOfLine(line, this.#layout).toString('latin1'));
      if (before === undefined) continue;
      if (before === line.toString('latin1')) this.#same++;
      else this.#updated++;
    }
  }

  /** Inserted, updated and deleted rows, given how many there are now. */
  total(rowsNow: number): number {
    const deleted = Math.max(0, (this.#parentRows ?? 0) - this.#same - this.#updated);
    return rowsNow - this.#same + (this.#layout.key.length === 0 ? 0 : deleted);
  }
}
