import { z } from 'zod';
import { repositoryDocument } from './documents.ts';

/** How a repository is opened: by a key file, by a passphrase, or by nothing. */
export const recoveryKeyKind = z.enum(['key-file', 'passphrase', 'none']);

export const recoveryStateDocument = z.strictObject({
  /** The repository is encrypted, and nobody has taken its kit yet. */
  due: z.boolean(),
  keyKind: recoveryKeyKind,
});
export type RecoveryStateDocument = z.infer<typeof recoveryStateDocument>;

/** What it takes to read the backups when everything else is gone. Whoever holds it and the backups can read them. */
export const recoveryKitDocument = z.strictObject({
  madeAt: z.iso.datetime(),
  madeFor: z.string(),
  repository: repositoryDocument,
  key: z.discriminatedUnion('kind', [
    /** What the key file holds, as hexadecimal digits. */
    z.strictObject({ kind: z.literal('key-file'), hex: z.string().regex(/^[0-9a-f]{64}$/) }),
    /** It is people's to know and in no kit. */
    z.strictObject({ kind: z.literal('passphrase') }),
    z.strictObject({ kind: z.literal('none') }),
  ]),
});
export type RecoveryKitDocument = z.infer<typeof recoveryKitDocument>;
