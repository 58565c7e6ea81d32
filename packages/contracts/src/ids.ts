import { z } from 'zod';

/** Ids are UUIDs in lower case; the brand keeps one kind from being given for another. */
export const backupId = z.uuid().brand('BackupId');
export type BackupId = z.infer<typeof backupId>;
export const implementationId = z.uuid().brand('ImplementationId');
export type ImplementationId = z.infer<typeof implementationId>;
export const planId = z.uuid().brand('PlanId');
export type PlanId = z.infer<typeof planId>;
export const restoreId = z.uuid().brand('RestoreId');
export type RestoreId = z.infer<typeof restoreId>;
export const repositoryId = z.uuid().brand('RepositoryId');
export type RepositoryId = z.infer<typeof repositoryId>;
