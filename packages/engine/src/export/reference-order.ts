import type { ExportedTable } from './export-files.ts';
import { readStructure } from './table-structure.ts';

/** Tables that others point at come first; where they point at each other, in the order that they had. */
export function byReference(tables: readonly ExportedTable[]): ExportedTable[] {
  const ordered = new Set<ExportedTable>();
  const visiting = new Set<ExportedTable>();
  const visit = (exported: ExportedTable): void => {
    if (visiting.has(exported)) return;
    visiting.add(exported);
    for (const { references } of readStructure(exported.table).foreignKeys) {
      const parent = tables.find(({ table }) => table.schema === references.schema && table.name === references.name);
      if (parent !== undefined) visit(parent);
    }
    ordered.add(exported);
  };
  for (const exported of tables) visit(exported);
  return [...ordered];
}
