import type pg from 'pg';
import { EVERY_TYPE, SETUP_TYPES, seededRandom } from './every-type.ts';

const RANDOM_VALUES = 60;

/** Of these the array constructors make something else than an array of them. */
const ARRAYS_BY_THEMSELVES: ReadonlySet<string> = new Set(['int2vector', 'oidvector', 'public.tags']);

export interface TypeTable {
  readonly type: string;
  readonly table: string;
}

/** Settings of the database that would each spoil some value, were the session not pinned. */
export const HOSTILE_SETTINGS = [
  "DateStyle = 'SQL, DMY'",
  "IntervalStyle = 'iso_8601'",
  "TimeZone = 'America/Sao_Paulo'",
  "bytea_output = 'escape'",
  'extra_float_digits = -10',
  "lc_monetary = 'C.UTF-8'",
  "search_path = 'public', 'pg_catalog'",
  "client_encoding = 'LATIN1'",
  'array_nulls = off',
  'standard_conforming_strings = off',
  "xmloption = 'document'",
  'statement_timeout = 200',
  'default_transaction_isolation = serializable',
];

/** A table per type, with a column of it and one of its array. */
export async function buildTypeTables(client: pg.Client): Promise<TypeTable[]> {
  await client.query(
    `CREATE TABLE public.shop (id int PRIMARY KEY); INSERT INTO public.shop VALUES (1); ${SETUP_TYPES}`,
  );
  const next = seededRandom(2);
  const tables: TypeTable[] = [];
  for (const [type, sample] of Object.entries(EVERY_TYPE)) {
    const known = await client.query('SELECT pg_catalog.to_regtype($1) IS NOT NULL AS known', [type]);
    if (known.rows[0].known !== true) continue;
    const { random } = sample;
    const more = random === undefined ? [] : Array.from({ length: RANDOM_VALUES }, () => random(next));
    const table = `e${tables.length}`;
    await client.query(
      `CREATE TABLE public.${table} (shop int NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY, v ${type}, vs ${type}[], PRIMARY KEY (shop, id))`,
    );
    await client.query(
      `INSERT INTO public.${table} (shop, v) SELECT 1, x::${type} FROM unnest($1::text[]) AS x UNION ALL SELECT 1, NULL`,
      [[...sample.values, ...more]],
    );
    await client.query(`INSERT INTO public.${table} (shop, vs) VALUES (1, '{}'), (1, '{NULL}')`);
    if (!ARRAYS_BY_THEMSELVES.has(type)) {
      await client.query(
        `INSERT INTO public.${table} (shop, vs)
           SELECT 1, array_agg(v) FROM public.${table}
           UNION ALL SELECT 1, ARRAY[ARRAY[v, NULL], ARRAY[NULL, v]] FROM public.${table} WHERE v IS NOT NULL
           UNION ALL SELECT 1, array_fill(v, ARRAY[2], ARRAY[-3]) FROM public.${table} WHERE v IS NOT NULL`,
      );
    }
    tables.push({ type, table });
  }
  return tables;
}
