import { createHash, timingSafeEqual } from 'node:crypto';
import { CofreError, compression, repositoryId } from '@cofre/contracts';
import { z } from 'zod';
import { CONFIG_PATH, FORMAT_VERSION } from './constants.ts';
import type { Keyring } from './keyring.ts';
import { damaged } from './seal.ts';

const configBody = z.strictObject({
  format: z.literal(FORMAT_VERSION),
  id: repositoryId,
  createdAt: z.iso.datetime(),
  encryption: z.enum(['none', 'aes-256-gcm']),
  /** What a backup uses that does not say otherwise. */
  compression,
  /** Newest last; empty in a plain repository. */
  rootKeyIds: z.array(z.string().regex(/^[0-9a-f]{32}$/)),
});
export type ConfigBody = z.infer<typeof configBody>;

const configFile = configBody.extend({
  /** SHA-256 of the body: finds accidents before a key is asked for. */
  checksum: z.string().regex(/^[0-9a-f]{64}$/),
  /** HMAC under the id key: finds malice. */
  mac: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
});

function bodyBytes(body: ConfigBody): Buffer {
  const { format, id, createdAt, encryption, compression: packing, rootKeyIds } = body;
  return Buffer.from(JSON.stringify([format, id, createdAt, encryption, packing, rootKeyIds]), 'utf8');
}

export function encodeConfig(body: ConfigBody, keyring: Keyring): Buffer {
  const bytes = bodyBytes(body);
  const checksum = createHash('sha256').update(bytes).digest('hex');
  return Buffer.from(`${JSON.stringify({ ...body, checksum, mac: keyring.configMac(bytes) }, null, 2)}\n`, 'utf8');
}

/** Parses `cofre.json`; the MAC is checked by `checkConfigMac` once a key is there. */
export function decodeConfig(bytes: Uint8Array): { body: ConfigBody; mac: string | null } {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw damaged(CONFIG_PATH, 'it is not JSON', cause);
  }
  const version = z.looseObject({ format: z.number() }).safeParse(json);
  if (version.success && version.data.format > FORMAT_VERSION) {
    throw new CofreError(
      'repository/newer-format',
      `The repository has format ${version.data.format}; this program knows ${FORMAT_VERSION}. Nothing was read or changed.`,
    );
  }
  const parsed = configFile.safeParse(json);
  if (!parsed.success) throw damaged(CONFIG_PATH, 'a field is missing or malformed', parsed.error);
  const { checksum, mac, ...body } = parsed.data;
  if (createHash('sha256').update(bodyBytes(body)).digest('hex') !== checksum)
    throw damaged(CONFIG_PATH, 'its checksum does not fit');
  return { body, mac };
}

export function checkConfigMac(body: ConfigBody, mac: string | null, keyring: Keyring): void {
  const expected = keyring.configMac(bodyBytes(body));
  if (expected === null && mac === null) return;
  const equal = expected !== null && mac !== null && timingSafeEqual(Buffer.from(expected), Buffer.from(mac));
  if (!equal) throw damaged(CONFIG_PATH, 'it was changed by someone without the key');
}
