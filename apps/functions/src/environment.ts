import { CofreError } from '@cofre/contracts';
import type { RepositoryKey } from '@cofre/engine';
import { databaseFromUrl } from '@cofre/postgres';
import { parseS3Address, type S3Credentials } from '@cofre/storage';
import { z } from 'zod';
import { parseSecretKeys } from './authenticate.ts';

/** What a function needs to work. Who may call it is read apart (`authenticate.ts`): that must not depend on the rest. */
export interface Environment {
  readonly databaseUrl: string;
  /** `s3://…` */
  readonly repositoryUrl: string;
  readonly credentials: S3Credentials;
  /** For a repository whose address names none. */
  readonly region: string | undefined;
  readonly key: RepositoryKey;
}

type Variables = Readonly<Record<string, string | undefined>>;

/** An empty variable is as good as none. */
const text = z
  .string()
  .optional()
  .transform((value) => (value === '' ? undefined : value));

const variablesSchema = z.object({
  DATABASE_URL: text,
  SUPABASE_DB_URL: text,
  SUPABASE_SECRET_KEYS: text,
  COFRE_REPOSITORY: text,
  COFRE_PASSPHRASE: text,
  COFRE_KEY: text,
  AWS_ACCESS_KEY_ID: text,
  AWS_SECRET_ACCESS_KEY: text,
  AWS_SESSION_TOKEN: text,
  AWS_REGION: text,
});
type Parsed = z.output<typeof variablesSchema>;

/** Throws `function/not-configured` with all that is wrong, and never with a value: some are secrets. */
export function readEnvironment(variables: Variables): Environment {
  const parsed = variablesSchema.parse(variables);
  const faults: string[] = [];
  const need = <Name extends keyof Parsed>(name: Name, value = parsed[name]): string => {
    if (value === undefined) faults.push(`${name} is not set`);
    return value ?? '';
  };
  const databaseUrl = need('DATABASE_URL', parsed.DATABASE_URL ?? parsed.SUPABASE_DB_URL);
  const repositoryUrl = need('COFRE_REPOSITORY');
  const accessKeyId = need('AWS_ACCESS_KEY_ID');
  const secretAccessKey = need('AWS_SECRET_ACCESS_KEY');
  const { AWS_SESSION_TOKEN: sessionToken, AWS_REGION: region } = parsed;
  faults.push(...databaseFaults(databaseUrl), ...repositoryFaults(parsed.COFRE_REPOSITORY), ...keyFaults(parsed));
  if (parseSecretKeys(parsed.SUPABASE_SECRET_KEYS) === null) {
    faults.push('SUPABASE_SECRET_KEYS is neither a JSON object of keys nor a list of them');
  }
  if (faults.length > 0) throw notConfigured(faults);
  return {
    databaseUrl,
    repositoryUrl,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    region,
    key: keyOf(parsed),
  };
}

/** The port of a function that is run outside of the platform; undefined: the runtime's own. */
export function readPort(variables: Variables): number | undefined {
  const { PORT: port } = variables;
  if (port === undefined || port === '') return undefined;
  const result = z.coerce.number().int().min(0).max(65_535).safeParse(port);
  if (!result.success) throw notConfigured(['PORT is not the number of a port']);
  return result.data;
}

function databaseFaults(url: string): readonly string[] {
  if (url === '') return [];
  try {
    databaseFromUrl(url);
    return [];
  } catch {
    return ['DATABASE_URL is not a URL like postgres://user@host:5432/name'];
  }
}

function repositoryFaults(url: string | undefined): readonly string[] {
  if (url === undefined) return [];
  if (!URL.canParse(url)) return ['COFRE_REPOSITORY is no address'];
  const parsed = new URL(url);
  if (parsed.protocol !== 's3:') {
    return ['COFRE_REPOSITORY must be s3://…: a function has no disk that lasts, so its repository is in a bucket'];
  }
  try {
    parseS3Address(parsed);
    return [];
  } catch (error) {
    return [`COFRE_REPOSITORY: ${error instanceof Error ? error.message : 'it cannot be used'}`];
  }
}

function keyFaults({ COFRE_PASSPHRASE: passphrase, COFRE_KEY: key }: Parsed): readonly string[] {
  if (passphrase !== undefined && key !== undefined) return ['COFRE_PASSPHRASE and COFRE_KEY are both set'];
  if (key === undefined || keyBytes(key) !== null) return [];
  return ['COFRE_KEY is no 256-bit key: it is what the key file holds, as 64 hexadecimal digits or as base64'];
}

function keyOf({ COFRE_PASSPHRASE: passphrase, COFRE_KEY: key }: Parsed): RepositoryKey {
  if (passphrase !== undefined) return { kind: 'passphrase', passphrase };
  const bytes = key === undefined ? null : keyBytes(key);
  return bytes === null ? { kind: 'none' } : { kind: 'key-file', bytes };
}

const HEX_KEY = /^[0-9a-f]{64}$/i;
const BASE64_KEY = /^[A-Za-z0-9+/]{43}=$/;

/** The two ways in which a key file may be written (`COFRE_KEY_FILE`) that fit into a variable. */
function keyBytes(key: string): Buffer | null {
  const written = key.trim();
  if (HEX_KEY.test(written)) return Buffer.from(written, 'hex');
  return BASE64_KEY.test(written) ? Buffer.from(written, 'base64') : null;
}

function notConfigured(faults: readonly string[]): CofreError {
  return new CofreError('function/not-configured', `The function is not set up: ${faults.join('; ')}.`, {
    params: { faults },
  });
}
