/** Format version 1 of everything in a repository. A reader refuses what is newer. */
export const FORMAT_VERSION = 1;

export const PACK_MAGIC = Buffer.from('COFREPAK', 'latin1');
export const PACK_END_MAGIC = Buffer.from('COFREEND', 'latin1');
export const OBJECT_MAGIC = Buffer.from('COFREOBJ', 'latin1');

/** A pack is closed when it holds this much: few objects in the store, yet small enough to hold in memory. */
export const PACK_BYTES = 16 * 1024 * 1024;

export const SUITE = { none: 0, 'aes-256-gcm': 1 } as const;
export type Suite = keyof typeof SUITE;

export const COMPRESSION_CODE = { none: 0, gzip: 1, zstd: 2 } as const;

export const OBJECT_KIND_CODE = {
  manifest: 1,
  plan: 2,
  'plan-page': 3,
  'pack-index': 4,
  trash: 5,
  lease: 6,
  mark: 7,
} as const;

export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;
export const SALT_BYTES = 32;
export const ROOT_KEY_ID_BYTES = 16;
export const CHECKSUM_BYTES = 32;

/** Paths of a repository's objects. */
export const CONFIG_PATH = 'cofre.json';
export const packPath = (id: string): string => `packs/${id.slice(0, 2)}/${id}.pack`;
/** The id of the pack that lies at a path; null: no pack does. */
export function packIdAt(path: string): string | null {
  const id = /\/([0-9a-f]{32})\.pack$/.exec(path)?.[1];
  return id !== undefined && packPath(id) === path ? id : null;
}
export const manifestPath = (implementationId: string, backupId: string): string =>
  `backups/${implementationId}/${backupId}`;
export const keyPath = (id: string): string => `keys/${id}.json`;
/** The nth root key; `cofre.json` names the first. */
export const rootPath = (number: number): string => `${ROOTS_PREFIX}${number}`;
export const KEYS_PREFIX = 'keys/';
export const ROOTS_PREFIX = 'roots/';
export const PLANS_PREFIX = 'plans/';
export const PACKS_PREFIX = 'packs/';
export const TRASH_PREFIX = 'trash/';
export const LEASES_PREFIX = 'leases/';
export const MARKS_PREFIX = 'marks/';
export const trashPath = (id: string): string => `${TRASH_PREFIX}${id}`;
export const leasePath = (id: string, renewal: number): string => `${LEASES_PREFIX}${id}-${renewal}`;
export const markPath = (id: string): string => `${MARKS_PREFIX}${id}`;
