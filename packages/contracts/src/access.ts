import { z } from 'zod';

export const administratorInput = z.strictObject({ email: z.email().max(320) });
export type AdministratorInput = z.input<typeof administratorInput>;

export const resetAdministratorsInput = administratorInput.extend({ confirmed: z.boolean().default(false) });
export type ResetAdministratorsInput = z.input<typeof resetAdministratorsInput>;

export const administratorDocument = z.strictObject({
  userId: z.uuid(),
  email: z.string().nullable(),
  createdAt: z.iso.datetime(),
  createdBy: z.string().nullable(),
});
export type AdministratorDocument = z.infer<typeof administratorDocument>;
