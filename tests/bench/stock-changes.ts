import type pg from 'pg';
import { draw, fill, OWNER, SLICE, TABLE } from './stock-table.ts';

export interface ChangeInput {
  /** Of the whole table, as it was built. */
  readonly rows: number;
  /** Another one chooses other rows. */
  readonly salt: number;
}

/** What happens to the slice between two backups. */
export interface StockChange {
  readonly name: string;
  /** Carries it out, and gives how many rows of the slice it concerned. */
  make(client: pg.ClientBase, input: ChangeInput): Promise<number>;
}

/** Rows in ten thousand, drawn from all over the slice; two parts with the same salt that do not overlap have no row in common. */
interface Part {
  readonly salt: number;
  readonly from: number;
  readonly to: number;
}

const PARTS = 10_000;
const PER_CENT = PARTS / 100;

function isDrawn({ salt, from, to }: Part): string {
  return `implementation_id = '${OWNER}' AND ${draw(salt, PARTS, 'id')} BETWEEN ${from} AND ${to - 1}`;
}

async function update(client: pg.ClientBase, part: Part): Promise<number> {
  const result = await client.query(
    `UPDATE ${TABLE} SET quantity = quantity + 1, price = price + 0.01, updated_at = updated_at + interval '1 day'
     WHERE ${isDrawn(part)}`,
  );
  return result.rowCount ?? 0;
}

async function remove(client: pg.ClientBase, part: Part): Promise<number> {
  const result = await client.query(`DELETE FROM ${TABLE} WHERE ${isDrawn(part)}`);
  return result.rowCount ?? 0;
}

/** Behind the last row. One in ten of the new rows is not the slice's. */
async function append(client: pg.ClientBase, count: number): Promise<number> {
  const { rows: last } = await client.query<{ id: string }>(`SELECT max(id) AS id FROM ${TABLE}`);
  const from = Number(last[0]?.id) + 1;
  await fill(client, { from, to: from + count - 1 });
  const { rows } = await client.query<{ count: string }>(
    `SELECT count(*) AS count FROM (${SLICE} AND id >= ${from}) AS added`,
  );
  return Number(rows[0]?.count);
}

export const SCATTERED: StockChange = {
  name: '1 % updated, scattered',
  make: (client, { salt }) => update(client, { salt, from: 0, to: PER_CENT }),
};

/** In the order in which they follow each other; each finds the slice as the one before it left it. */
export const CHANGES = {
  none: { name: 'nothing changed', make: async () => 0 },
  scattered: SCATTERED,
  appended: { name: '1 % appended', make: (client, { rows }) => append(client, Math.ceil(rows / 100)) },
  deleted: {
    name: '1 % deleted, scattered',
    make: (client, { salt }) => remove(client, { salt, from: 0, to: PER_CENT }),
  },
  mixed: {
    name: '½ % updated, ¼ % appended, ¼ % deleted',
    async make(client, { rows, salt }) {
      const updated = await update(client, { salt, from: 0, to: PER_CENT / 2 });
      const removed = await remove(client, { salt, from: PER_CENT / 2, to: (PER_CENT * 3) / 4 });
      return updated + removed + (await append(client, Math.ceil(rows / 400)));
    },
  },
} as const satisfies Readonly<Record<string, StockChange>>;

/** Leaves the table as a while later: what autovacuum would have done is done, and nothing is dirty. */
export async function tidyUp(client: pg.ClientBase): Promise<void> {
  await client.query(`VACUUM ANALYZE ${TABLE}`);
  await client.query('CHECKPOINT');
}
