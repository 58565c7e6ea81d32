import type pg from 'pg';

/** Switches session_replication_role back and forth within a transaction, and no more often than needed. */
export class WriteMode {
  readonly #client: pg.ClientBase;
  #isReplica = false;

  constructor(client: pg.ClientBase) {
    this.#client = client;
  }

  async set(isReplica: boolean): Promise<void> {
    if (this.#isReplica === isReplica) return;
    await this.#client.query(`SET LOCAL session_replication_role = ${isReplica ? 'replica' : 'origin'}`);
    this.#isReplica = isReplica;
  }
}
