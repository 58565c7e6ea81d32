import { CofreError } from '@cofre/contracts';
import { isStorePath } from './store-path.ts';

/** Where a repository lives in an S3-compatible store. What is left out is found by the SDK (environment, profile). */
export interface S3Address {
  readonly bucket: string;
  /** Without `/` at its ends; '' for the whole bucket. */
  readonly prefix: string;
  /** For stores that are not Amazon's: `https://minio.example.com:9000`. */
  readonly endpoint?: string;
  readonly region?: string;
  /** `https://host/bucket/key` instead of `https://bucket.host/key`; most stores of one's own need it. */
  readonly forcePathStyle: boolean;
}

/** Longer than any bucket's name of today, which ends at 63; some stores and old buckets allow more. */
const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/;
/** S3 keys end at 1,024 bytes; a store's path takes 700 of them, and a claim (s3-claims.ts) some more. */
const PREFIX_LENGTH_MAX = 256;
const PARAMETERS = new Set(['endpoint', 'region', 'forcePathStyle']);
const REGION = /^[a-z0-9-]+$/;

/** Reads `s3://bucket/prefix?endpoint=…&region=…&forcePathStyle=true`. Anything else is refused: a typing error must not be ignored. */
export function parseS3Address(url: URL): S3Address {
  const { hostname: bucket } = url;
  if (url.username !== '' || url.password !== '') {
    throw invalid('it holds credentials', 'Credentials are found as the AWS SDK finds them, never in the address.');
  }
  if (url.port !== '') throw invalid('it has a port; the store’s host and port belong into endpoint=…');
  if (!BUCKET.test(bucket)) throw invalid('its bucket has no name that a bucket can have');
  if (url.hash !== '') throw invalid('it has a #');
  const prefix = url.pathname.replace(/^\//, '').replace(/\/$/, '');
  if (prefix !== '' && (!isStorePath(prefix) || prefix.length > PREFIX_LENGTH_MAX)) {
    throw invalid('its prefix has other signs than letters, digits, dot, - and _ between slashes, or is too long');
  }
  for (const name of new Set(url.searchParams.keys())) {
    if (!PARAMETERS.has(name)) throw invalid(`it has the unknown parameter ${JSON.stringify(name)}`);
    if (url.searchParams.getAll(name).length > 1) throw invalid(`it gives ${name} twice`);
  }
  const endpoint = url.searchParams.get('endpoint');
  const region = url.searchParams.get('region');
  if (region !== null && !REGION.test(region)) throw invalid('its region is none');
  return {
    bucket,
    prefix,
    ...(endpoint === null ? {} : { endpoint: checkedEndpoint(endpoint) }),
    ...(region === null ? {} : { region }),
    forcePathStyle: flag(url.searchParams.get('forcePathStyle')),
  };
}

function checkedEndpoint(text: string): string {
  const endpoint = URL.canParse(text) ? new URL(text) : null;
  const sound =
    (endpoint?.protocol === 'https:' || endpoint?.protocol === 'http:') &&
    endpoint.username === '' &&
    endpoint.password === '' &&
    endpoint.search === '' &&
    endpoint.hash === '';
  if (!sound) throw invalid('its endpoint is not an address like https://minio.example.com:9000');
  return endpoint.href.replace(/\/$/, '');
}

function flag(text: string | null): boolean {
  if (text !== null && text !== 'true' && text !== 'false') throw invalid('forcePathStyle is neither true nor false');
  return text === 'true';
}

/** Nothing of the address is repeated but a parameter's name: it may hold what is secret. */
function invalid(why: string, hint = ''): CofreError {
  return new CofreError('usage/invalid', `The s3:// address of the repository cannot be used: ${why}.`, {
    hint: `${hint} Use s3://bucket/prefix?endpoint=…&region=…&forcePathStyle=true, of which only the bucket is needed. Nothing was started.`.trim(),
  });
}
