import { type BackupDocument, backupId } from '@cofre/contracts';
import { linesOf, type Repository } from '@cofre/engine';
import { addImplementation, applyDefinition, createBackup, type ServiceContext, verifyBackup } from '@cofre/services';
import type pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../support/database.ts';
import { seededRandom } from '../support/every-type.ts';
import { IS_LONG } from '../support/long-tests.ts';
import { createTestService } from '../support/service-context.ts';

const DEFINITION = `version: 1
module: bank
root: { table: public.bank, key: [bank_id] }
tables:
  - { table: public.account, role: data, scope: { columns: { bank_id: bank_id } } }
  - { table: public.pocket,  role: data, scope: { columns: { bank_id: bank_id } } }
`;
/** With what stands beside each amount more than a slice that one session alone would read. */
const ACCOUNTS = 20_000;
const TOTAL = ACCOUNTS * 1000;
const WRITERS = 3;
const ROUNDS = IS_LONG ? 100 : 2;
const TYPES = ['incremental', 'differential', 'incremental', 'full'] as const;

async function loadBank(db: TestDatabase): Promise<void> {
  await db.query(`
    CREATE TABLE bank (bank_id int PRIMARY KEY);
    CREATE TABLE account (account_id int PRIMARY KEY, bank_id int NOT NULL REFERENCES bank, amount int NOT NULL, note text);
    CREATE TABLE pocket (pocket_id bigserial PRIMARY KEY, bank_id int NOT NULL REFERENCES bank, amount int NOT NULL);
    INSERT INTO bank VALUES (1), (2);
    INSERT INTO account SELECT n, 1, 1000, repeat(n::text, 50) FROM generate_series(1, ${ACCOUNTS}) AS n;
    INSERT INTO account VALUES (0, 2, 1000000, 'of another bank')`);
}

/** Amounts go from accounts into pockets and back, and between accounts; what all of them hold together stays. */
class Writers {
  moves = 0;
  #isOver = false;
  readonly #running: Promise<void>[];

  constructor(clients: readonly pg.Client[]) {
    this.#running = clients.map((client, index) => this.#write(client, seededRandom(index + 1)));
  }

  async #write(client: pg.Client, next: () => number): Promise<void> {
    const account = () => 1 + Math.floor(next() * ACCOUNTS);
    while (!this.#isOver) {
      await client.query('BEGIN');
      const [from, to] = [account(), account()].toSorted((a, b) => a - b);
      if (next() < 0.3) {
        await client.query('UPDATE account SET amount = amount - 7 WHERE account_id = $1', [from]);
        await client.query('INSERT INTO pocket (bank_id, amount) VALUES (1, 7)');
      } else if (next() < 0.4) {
        const gone = await client.query(`DELETE FROM pocket WHERE pocket_id =
          (SELECT pocket_id FROM pocket ORDER BY pocket_id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING amount`);
        const amount = gone.rows[0]?.amount ?? 0;
        await client.query('UPDATE account SET amount = amount + $2 WHERE account_id = $1', [from, amount]);
      } else {
        await client.query('UPDATE account SET amount = amount - 5 WHERE account_id = $1', [from]);
        await client.query('UPDATE account SET amount = amount + 5 WHERE account_id = $1', [to]);
      }
      // Who changes his mind leaves rows behind that only he ever saw.
      await client.query(next() < 0.1 ? 'ROLLBACK' : 'COMMIT');
      this.moves++;
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
  }
}

/** What accounts and pockets hold together, as a backup has them. */
async function totalOf(repository: Repository, { id, implementation }: BackupDocument): Promise<number> {
  const { tables } = await repository.readManifest(implementation.id, backupId.parse(id));
  let total = 0;
  for (const table of tables) {
    // The platform's own tables are in every slice, too.
    if (table.name !== 'account' && table.name !== 'pocket') continue;
    const amount = table.columns.findIndex(({ name }) => name === 'amount');
    for await (const batch of repository.readRows(table))
      for (const line of linesOf(batch)) total += Number(line.toString().split('\t')[amount]?.trim());
  }
  return total;
}

describe.each(testServers())('while amounts are moved within the slice, on PostgreSQL $name', (server) => {
  async function bank(): Promise<{ db: TestDatabase; context: ServiceContext }> {
    const db = await createTestDatabase(server, { template: 'migrated' });
    onTestFinished(() => db.drop());
    await loadBank(db);
    const service = await createTestService(db);
    onTestFinished(() => service[Symbol.asyncDispose]());
    await applyDefinition(service.context, { source: DEFINITION });
    await addImplementation(service.context, { module: 'bank', key: 'one', scope: { bank_id: 1 } });
    return { db, context: service.context };
  }

  it('I1, I2: every backup of every type holds the one sum that there ever was', async () => {
    const { db, context } = await bank();
    const clients = await Promise.all(Array.from({ length: WRITERS }, () => db.database.connect()));
    onTestFinished(async () => {
      for (const client of clients) await client.end();
    });
    const writers = new Writers(clients);
    const repository = await context.openRepository();
    const made: BackupDocument[] = [];
    try {
      for (const type of ['full' as const, ...Array.from({ length: ROUNDS }, () => TYPES).flat()]) {
        const before = writers.moves;
        const backup = await createBackup(context, { implementation: 'bank/one', type });
        expect(await totalOf(repository, backup), `${type}, the ${made.length + 1}th`).toBe(TOTAL);
        expect(writers.moves).toBeGreaterThan(before);
        made.push(backup);
      }
    } finally {
      await writers.stop();
    }
    expect(made.filter(({ probe }) => probe.used).length).toBeGreaterThan(ROUNDS);
    for (const { id } of made) expect(await verifyBackup(context, { backup: id })).toMatchObject({ ok: true });
    const { rows } = await db.query(
      `SELECT (SELECT sum(amount) FROM account WHERE bank_id = 1) + (SELECT coalesce(sum(amount), 0) FROM pocket) AS total`,
    );
    expect(Number(rows[0].total)).toBe(TOTAL);
  });
});
