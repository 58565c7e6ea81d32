import type { Definition, DefinitionTable } from '@cofre/contracts';
import type pg from 'pg';
import { findTables, readTableFacts } from '../introspect/read-table-facts.ts';
import { translatePgError } from '../session/errors.ts';
import { parseTableName, printTable } from '../session/quote.ts';

/**
 * What of a backup's definition still fits the database: without tables that were dropped or renamed since, without those
 * that reach their rows through such a table or column, and without names that only say more of them. A restore of the
 * other tables must not wait for them; the plan names each as a conflict of kind `drift`.
 * Where nothing would be left, or the root is gone, it is given back whole, so that resolving it says what is wrong.
 */
export async function definitionOfToday(client: pg.ClientBase, definition: Definition): Promise<Definition> {
  const columnsOf = await readColumns(client, definition);
  const left = new Map<string, DefinitionTable>();
  for (const table of definition.tables) {
    const columns = columnsOf.get(canonical(table.table));
    if (columns === undefined) continue;
    const { parent } = table.scope;
    const own = Object.keys(table.scope.columns);
    if (!own.every((name) => columns.has(name))) continue;
    if (parent !== undefined && isListed(definition, parent)) {
      const parentColumns = left.has(canonical(parent)) ? columnsOf.get(canonical(parent)) : undefined;
      const reached = Object.values(table.scope.columns);
      if (parentColumns === undefined || !reached.every((name) => parentColumns.has(name))) continue;
    }
    left.set(canonical(table.table), {
      ...table,
      ...(table.omit === undefined ? {} : { omit: table.omit.filter((name) => columns.has(name)) }),
      ...(table.secret === undefined ? {} : { secret: table.secret.filter((name) => columns.has(name)) }),
    });
  }
  if (left.size === 0) return definition;
  const { tenant, references, ...rest } = definition;
  const tenantColumns = tenant === undefined ? undefined : columnsOf.get(canonical(tenant.table));
  const keepsTenant = tenant !== undefined && left.has(canonical(tenant.table)) && tenantColumns?.has(tenant.column);
  return {
    ...rest,
    tables: [...left.values()],
    ...(references === undefined ? {} : { references: references.filter((name) => columnsOf.has(canonical(name))) }),
    ...(keepsTenant === true || (tenant !== undefined && !isListed(definition, tenant.table)) ? { tenant } : {}),
  };
}

/** By the table's name in one spelling; what is not there has no entry. */
async function readColumns(
  client: pg.ClientBase,
  definition: Definition,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const texts = [...definition.tables.map(({ table }) => table), ...(definition.references ?? [])];
  const names = texts.flatMap((text) => parseTableName(text) ?? []);
  try {
    const oids = await findTables(client, names);
    const facts = await readTableFacts(client, [...new Set(oids.flatMap((oid) => oid ?? []))]);
    return new Map(
      names.flatMap((name, index) => {
        const found = facts.get(oids[index] ?? 0);
        return found === undefined ? [] : [[printTable(name), new Set(found.columns.map((column) => column.name))]];
      }),
    );
  } catch (error) {
    throw translatePgError(error, { doing: 'reading the structure of the tables' });
  }
}

/** A parent or tenant table may also be one of the platform's, which no definition lists. */
function isListed(definition: Definition, text: string): boolean {
  return definition.tables.some(({ table }) => canonical(table) === canonical(text));
}

/** One spelling for every way to write a table's name. */
function canonical(text: string): string {
  const parsed = parseTableName(text);
  return parsed === null ? text : printTable(parsed);
}
