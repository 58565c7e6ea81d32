import { CofreError, type RootKey } from '@cofre/contracts';
import type pg from 'pg';
import type { Equalities } from '../introspect/equality.ts';
import { sqlStateOf } from '../session/errors.ts';
import { quoteLiteral } from '../session/quote.ts';
import type { BoundRoot, RootPart } from './bind-definition.ts';
import type { FaultList } from './faults.ts';

/** A root key's value as the server writes it, and as it may stand in SQL. */
export interface RootValue {
  readonly part: RootPart;
  readonly text: string;
  readonly sql: string;
}

interface Wanted {
  readonly part: RootPart;
  readonly text: string;
}

export interface RootKeyInput {
  readonly rootKey: RootKey;
  /** Of the root's columns, among others. */
  readonly equalities: Equalities;
  readonly faults: FaultList;
}

/**
 * Casts every part of an implementation's root key to the type of its root column. What cannot be cast, or would be cut
 * or rounded by the cast and so name another root, is a fault.
 */
export async function readRootValues(
  client: pg.ClientBase,
  root: BoundRoot,
  { rootKey, equalities, faults }: RootKeyInput,
): Promise<RootValue[]> {
  if (root.parts.every((part) => !(part.name in rootKey))) {
    const names = root.parts.map((part) => part.name);
    throw new CofreError(
      'implementation/scope-missing',
      `The implementation's scope does not say ${names.join(', ')}. Nothing was written.`,
      { params: { parts: names } },
    );
  }
  const wanted = wantedValues(root, rootKey, faults);
  const values: RootValue[] = [];
  for (const { part, text } of wanted) {
    const operator = equalities(part.column.baseTypeOid, part.column.baseTypeOid)?.operator ?? null;
    const value = await castValue(client, { part, text }, operator);
    if ('fault' in value) faults.addToScope(part.name, value.fault);
    else values.push(value);
  }
  return values;
}

function wantedValues(root: BoundRoot, rootKey: RootKey, faults: FaultList): Wanted[] {
  const names = new Set(root.parts.map((part) => part.name));
  for (const name of Object.keys(rootKey)) {
    if (!names.has(name)) faults.addToScope(name, `the root key has no such part; it has: ${[...names].join(', ')}`);
  }
  return root.parts.flatMap((part) => {
    const value = Object.hasOwn(rootKey, part.name) ? rootKey[part.name] : undefined;
    if (value === undefined) faults.addToScope(part.name, 'is missing');
    else if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value))
      faults.addToScope(part.name, 'is larger than a JSON number holds exactly; write it in quotes');
    else if (String(value).includes('\0'))
      faults.addToScope(part.name, 'has a zero byte, which PostgreSQL cannot hold');
    else return [{ part, text: String(value) }];
    return [];
  });
}

async function castValue(
  client: pg.ClientBase,
  { part, text }: Wanted,
  operator: string | null,
): Promise<RootValue | { readonly fault: string }> {
  const { type, baseTypeOid } = part.column;
  const unlike = `${JSON.stringify(text)} is not a value of ${type}`;
  try {
    // Without its modifier a type keeps what varchar(3) would cut and numeric(5,2) would round.
    const { rows } = await inSavepoint(client, () =>
      client.query<{ text: string | null; type: string }>(
        `SELECT pg_catalog.concat(CAST(${quoteLiteral(text)} AS ${type})) AS text, pg_catalog.format_type($1, -1) AS type`,
        [baseTypeOid],
      ),
    );
    const row = rows[0];
    if (row?.text == null) return { fault: unlike };
    const sql = `CAST(${quoteLiteral(row.text)} AS ${type})`;
    if (operator !== null) {
      const whole = `CAST(${quoteLiteral(text)} AS ${row.type})`;
      const check = await client.query<{ same: boolean | null }>(
        `SELECT CAST(${sql} AS ${row.type}) ${operator} ${whole} AS same`,
      );
      if (check.rows[0]?.same !== true) return { fault: `${unlike}: it does not fit` };
    }
    return { part, text: row.text, sql };
  } catch (error) {
    if (isBadValue(error)) return { fault: unlike };
    throw error;
  }
}

export function implementationIdSql(implementationId: string): string {
  return `CAST(${quoteLiteral(implementationId)} AS uuid)`;
}

/** SQLSTATE class 22: a data exception; 23: a constraint, which a domain has. */
export function isBadValue(error: unknown): boolean {
  return /^2[23]/.test(sqlStateOf(error) ?? '');
}

/** Inside a transaction a failed statement would make all that follow fail, and the faults after it stay untold. */
export async function inSavepoint<T>(client: pg.ClientBase, work: () => Promise<T>): Promise<T> {
  if (client.getTransactionStatus() !== 'T') return work();
  await client.query('SAVEPOINT cofre_cast');
  try {
    return await work();
  } catch (error) {
    await client.query('ROLLBACK TO SAVEPOINT cofre_cast');
    throw error;
  } finally {
    await client.query('RELEASE SAVEPOINT cofre_cast');
  }
}
