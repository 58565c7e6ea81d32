/** A table as people name it: without the schema that nearly all are in. */
export function tableLabel(table: string): string {
  return table.replace(/^public\./, '').replaceAll('"', '');
}
