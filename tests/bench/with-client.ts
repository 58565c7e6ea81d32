import type { Database } from '@cofre/postgres';
import type pg from 'pg';

export async function withClient<T>(database: Database, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await database.connect({ applicationName: 'bench' });
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
