import type { ImplementationRef } from '@cofre/contracts';
import { sql } from 'kysely';
import type { Catalogue } from '../catalogue/open-catalogue.ts';

/** What administrators are told, as a code that each edge puts into words. */
export type NotificationKind =
  | 'backup-failed'
  | 'backup-deferred'
  | 'cleanup-failed'
  | 'job-failed'
  | 'space-freed'
  | 'settings-weakened'
  | 'damage-found'
  | 'chain-differs'
  | 'schedule-invalid';

export interface Notice {
  readonly kind: NotificationKind;
  readonly severity: 'info' | 'warning' | 'error';
  /** What has the same key is one notification while it is unread, and counts. */
  readonly key: string;
  readonly implementation?: ImplementationRef | undefined;
  /** Values that the words speak of. Never values of rows, never secrets. */
  readonly params?: Readonly<Record<string, unknown>>;
}

/** Tells administrators. With a transaction as `catalogue` the notification comes and goes with what it speaks of. */
export async function notify(
  context: { readonly catalogue: Catalogue; readonly clock: { now(): Date } },
  notice: Notice,
): Promise<void> {
  const { kind, severity, key, implementation, params = {} } = notice;
  const now = context.clock.now();
  const named =
    implementation === undefined ? {} : { implementation: `${implementation.module}/${implementation.key}` };
  const json = JSON.stringify({ ...named, ...params });
  await context.catalogue
    .insertInto('cofre.v_admin_notifications')
    .values({
      created_at: now,
      updated_at: now,
      kind,
      severity,
      dedupe_key: key,
      params: json,
      implementation_id: implementation?.id ?? null,
    })
    .onConflict((conflict) =>
      conflict
        .column('dedupe_key')
        .where('read_at', 'is', null)
        .doUpdateSet((eb) => ({
          occurrences: eb('cofre.v_admin_notifications.occurrences', '+', 1),
          updated_at: now,
          severity,
          params: sql<string>`excluded.params`,
        })),
    )
    .execute();
}
