/** The engine writes SQL, too, when it exports a backup: both quote by the same rules. */
export {
  parseTableName,
  printTable,
  quoteIdentifier,
  quoteLiteral,
  quoteTable,
  type TableName,
} from '@cofre/engine';
