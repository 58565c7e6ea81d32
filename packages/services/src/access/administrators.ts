import { type AdministratorDocument, assert } from '@cofre/contracts';
import { type Selectable, sql } from 'kysely';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import type { AdminUsersTable } from '../catalogue/schema.ts';

export function toAdministrator(row: Selectable<AdminUsersTable>): AdministratorDocument {
  return {
    userId: row.user_id,
    email: row.email,
    createdAt: row.created_at.toISOString(),
    createdBy: row.created_by_name,
  };
}

export async function readAdministrators(catalogue: Catalogue): Promise<readonly AdministratorDocument[]> {
  const rows = await catalogue
    .selectFrom('cofre.admin_users')
    .selectAll()
    .orderBy('created_at')
    .orderBy('user_id')
    .execute();
  return rows.map(toAdministrator);
}

/** Within a transaction: from here on nobody else changes the list, so that two cannot remove each other. */
export async function lockAdministrators(transaction: Catalogue): Promise<void> {
  assert(transaction.isTransaction, 'a lock lives as long as its transaction');
  await sql`LOCK TABLE cofre.admin_users IN SHARE ROW EXCLUSIVE MODE`.execute(transaction);
}
