import { z } from 'zod';

/** What a person may do: change things, see lists and counts, or nothing (somebody's customer). */
export const personRole = z.enum(['administrator', 'viewer', 'customer']);
export type PersonRole = z.infer<typeof personRole>;

const email = z.email().max(320);

/** Long rather than odd: length is what makes a password hard to guess. */
export const PASSWORD_LENGTH_MIN = 12;
export const PASSWORD_LENGTH_MAX = 200;
export const password = z.string().min(PASSWORD_LENGTH_MIN).max(PASSWORD_LENGTH_MAX);

export const addPersonInput = z.strictObject({
  email,
  name: z.string().min(1).max(200).optional(),
  role: personRole.default('viewer'),
});
export type AddPersonInput = z.input<typeof addPersonInput>;

export const resetPasswordInput = z.strictObject({ email });
export type ResetPasswordInput = z.input<typeof resetPasswordInput>;

/** The only time that the password is seen: it opens the door once, to set another. */
export const oneTimePasswordDocument = z.strictObject({
  userId: z.uuid(),
  email: z.string(),
  oneTimePassword: z.string(),
});
export type OneTimePasswordDocument = z.infer<typeof oneTimePasswordDocument>;
