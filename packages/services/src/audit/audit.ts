import { type ImplementationRef, type OptionalAuditEvent, optionalAuditEvent } from '@cofre/contracts';
import type { Actor } from '../actor.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { toCofreError } from '../error-document.ts';
import type { ServiceContext } from '../service-context.ts';
import { settingsInForce } from '../settings/settings-in-force.ts';

/** Destructive and refused ones are always logged (I13); whether these others are is a setting. */
export type AuditEvent =
  | OptionalAuditEvent
  | 'RESTORE_MODULE_BACKUP'
  | 'UNDO_MODULE_RESTORE'
  | 'DELETE_MODULE_BACKUP'
  | 'EXPORT_MODULE_BACKUP'
  | 'EXPIRED_BACKUPS_CLEANUP'
  | 'HOLD_MODULE_BACKUP'
  | 'RELEASE_MODULE_BACKUP'
  | 'UPDATE_BACKUP_POLICY'
  | 'ADD_ADMINISTRATOR'
  | 'REMOVE_ADMINISTRATOR'
  | 'RESET_ADMINISTRATORS'
  | 'ADD_PERSON'
  | 'RESET_PASSWORD'
  | 'CHANGE_PASSWORD'
  | 'SIGN_IN_REFUSED'
  | 'TAKE_RECOVERY_KIT'
  | 'COLLECT_GARBAGE'
  | 'IMPORT_BACKUPS'
  | 'ADD_REPOSITORY_KEY'
  | 'REMOVE_REPOSITORY_KEY'
  | 'ROTATE_ROOT_KEY'
  | 'DAMAGE_DEMO'
  | 'ACCESS_DENIED';

export interface AuditEntry {
  readonly action: AuditEvent;
  /** Default: done. What was refused or failed is logged whatever the settings say. */
  readonly outcome?: 'done' | 'refused' | 'failed';
  readonly implementation?: ImplementationRef | undefined;
  readonly backupId?: string | undefined;
  readonly resource?: { readonly type: string; readonly id: string };
  /** Codes, counts, names. Never values of rows, never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * Writes into the audit log. With a transaction as `catalogue` the entry comes and goes with what it speaks of; so it
 * should wherever that is one.
 */
export async function audit(
  context: Pick<ServiceContext, 'actor' | 'clock'> & { readonly catalogue: Catalogue },
  entry: AuditEntry,
): Promise<void> {
  const { action, outcome = 'done', implementation } = entry;
  const { data: optional } = optionalAuditEvent.safeParse(action);
  if (outcome === 'done' && optional !== undefined) {
    const { audit: events } = await settingsInForce(context.catalogue, implementation ?? null);
    if (events[optional] === false) return;
  }
  await auditQuery(context, entry).execute();
}

/** The entries as a query, for who runs it on a connection of its own. Settings are not asked. */
export function auditQuery(
  context: Pick<ServiceContext, 'actor' | 'clock'> & { readonly catalogue: Catalogue },
  ...entries: readonly AuditEntry[]
) {
  return context.catalogue.insertInto('cofre.v_audit_logs').values(
    entries.map(({ action, outcome = 'done', implementation, backupId, resource, details = {} }) => ({
      created_at: context.clock.now(),
      action,
      outcome,
      ...actorOf(context.actor),
      implementation_id: implementation?.id ?? null,
      module_slug: implementation?.module ?? null,
      implementation_key: implementation?.key ?? null,
      backup_id: backupId ?? null,
      resource_type: resource?.type ?? null,
      resource_id: resource?.id ?? null,
      details: JSON.stringify(details),
    })),
  );
}

/**
 * Logs how `work` ended: what its result says, or that it failed and by which code. That a failure could not be logged,
 * too, hides no error: the first is the one to report.
 */
export async function audited<T>(
  context: Pick<ServiceContext, 'actor' | 'clock' | 'catalogue'>,
  entry: AuditEntry,
  work: { run(): Promise<T>; entryOf?(result: T): Partial<AuditEntry> },
): Promise<T> {
  let result: T;
  try {
    result = await work.run();
  } catch (error) {
    const details = { ...entry.details, code: toCofreError(error).code };
    await audit(context, { ...entry, outcome: 'failed', details }).catch(() => undefined);
    throw error;
  }
  await audit(context, { ...entry, ...work.entryOf?.(result) });
  return result;
}

function actorOf(actor: Actor) {
  return {
    user_id: actor.kind === 'person' ? actor.userId : null,
    actor_kind: actor.kind,
    actor_name: actor.name,
  };
}
