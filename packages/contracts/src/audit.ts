import { z } from 'zod';

const limit = z.int().min(1).max(500).default(50);
const cursor = z.string().max(500).optional();

export const auditOutcome = z.enum(['done', 'refused', 'failed']);

export const listAuditLogsInput = z.strictObject({
  action: z.string().min(1).max(100).optional(),
  outcome: auditOutcome.optional(),
  implementationId: z.uuid().optional(),
  userId: z.uuid().optional(),
  since: z.iso.datetime().optional(),
  limit,
  cursor,
});
export type ListAuditLogsInput = z.input<typeof listAuditLogsInput>;

export const auditLogDocument = z.strictObject({
  id: z.uuid(),
  createdAt: z.iso.datetime(),
  action: z.string(),
  outcome: auditOutcome,
  actor: z.strictObject({
    kind: z.enum(['nobody', 'person', 'operator', 'service']),
    name: z.string(),
    userId: z.string().nullable(),
  }),
  implementation: z.string().nullable(),
  backupId: z.string().nullable(),
  details: z.record(z.string(), z.unknown()),
});
export type AuditLogDocument = z.infer<typeof auditLogDocument>;

export const listNotificationsInput = z.strictObject({ unreadOnly: z.boolean().default(false), limit, cursor });
export type ListNotificationsInput = z.input<typeof listNotificationsInput>;

export const markNotificationsInput = z.strictObject({
  ids: z.union([z.literal('all'), z.array(z.uuid()).min(1).max(500)]),
});
export type MarkNotificationsInput = z.input<typeof markNotificationsInput>;

export const notificationDocument = z.strictObject({
  id: z.uuid(),
  /** A code that each edge puts into words with `params`. */
  kind: z.string(),
  severity: z.enum(['info', 'warning', 'error']),
  params: z.record(z.string(), z.unknown()),
  /** How often the same came while nobody had read it. */
  occurrences: z.int().positive(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  readAt: z.iso.datetime().nullable(),
  readBy: z.string().nullable(),
});
export type NotificationDocument = z.infer<typeof notificationDocument>;
