import { columnListSql, type RestoreTable } from './restore-table.ts';

/** The rows of the slice in the columns and the order of the backup. `condition` narrows them, over the alias `t`. */
export function liveRowsSql(table: RestoreTable, condition = 'true'): string {
  const { live, columns, orderSql } = table;
  return (
    `COPY (SELECT ${columnListSql(columns, 't')} FROM ${live.fromSql} AS t ` +
    `WHERE ${live.scopeSql('t')} AND ${condition} ORDER BY ${orderSql('t')}) TO STDOUT`
  );
}
