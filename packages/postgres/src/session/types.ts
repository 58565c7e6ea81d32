import type pg from 'pg';

/** Where the application's database is. `connect` gives a fresh connection that the caller ends. */
export interface Database {
  /** For messages: host, port and name, never a password. */
  readonly label: string;
  connect(options?: { readonly applicationName?: string }): Promise<pg.Client>;
  /** Instead of ending a connection that is in order, where the database keeps them (`keepSessions`). */
  giveBack?(client: pg.Client): Promise<void>;
}
