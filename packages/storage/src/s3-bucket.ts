import type { PutObjectCommandInput, S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { CofreError, isCofreError } from '@cofre/contracts';
import type { ObjectInfo } from '@cofre/engine';
import { objectMissing, objectTooShort } from './read-errors.ts';
import type { S3Address } from './s3-address.ts';
import { s3Cause, s3Error, s3Failure } from './s3-errors.ts';

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface S3BucketOptions {
  /**
   * Default: as the AWS SDK finds them (environment, profile, container, instance). Where they are given it looks for
   * nothing on this machine, which a sandbox would not let it read.
   */
  readonly credentials?: S3Credentials;
  /** For addresses that name none. */
  readonly region?: string;
  /** How long a connection may be silent before the request counts as failed. */
  readonly idleTimeoutMs?: number;
}

/** Packs (about 16 MiB) go up in one request; only blocks of huge rows are cut. */
const SINGLE_PUT_BYTES_MAX = 24 * 1024 * 1024;
/** S3 takes 10,000 parts, so 160 GB: more than a Node buffer can hold. */
const PART_BYTES = 16 * 1024 * 1024;
const PARTS_AT_ONCE = 3;

/** The SDK repeats quickly what failed in passing; `withRetry` around the store has the long breath. */
const ATTEMPTS = 3;
const CONNECT_TIMEOUT_MS = 10_000;
/** S3 may think for a while before it answers the end of a multipart upload. */
const IDLE_TIMEOUT_MS = 90_000;

interface Connection {
  readonly sdk: typeof import('@aws-sdk/client-s3');
  readonly client: S3Client;
}

/** `not-supported`: the store says that it knows no conditional puts. */
export type ConditionalPut = 'written' | 'exists' | 'not-supported';

/**
 * The requests that a store is made of, on names below the prefix of a bucket. What S3 answers becomes a result or an
 * error of ours here. The SDK is loaded with the first request: commands on a folder do not pay for it.
 */
export class S3Bucket {
  readonly url: string;
  readonly #address: S3Address;
  readonly #root: string;
  readonly #options: S3BucketOptions;
  #connection: Promise<Connection> | null = null;

  constructor(address: S3Address, options: S3BucketOptions = {}) {
    this.#address = address;
    this.#root = address.prefix === '' ? '' : `${address.prefix}/`;
    this.#options = options;
    this.url = `s3://${address.bucket}${address.prefix === '' ? '' : `/${address.prefix}`}`;
  }

  /** With a signal in one request whatever the size, so that nothing of it goes on after the signal. */
  async put(name: string, bytes: Uint8Array, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    try {
      const { client, sdk } = await this.#connect();
      const input: PutObjectCommandInput = { ...this.#place(name), Body: bytes };
      if (options.signal !== undefined) {
        await client.send(new sdk.PutObjectCommand(input), { abortSignal: options.signal });
      } else if (bytes.length <= SINGLE_PUT_BYTES_MAX) {
        await client.send(new sdk.PutObjectCommand(input));
      } else {
        await this.#putInParts(client, input);
      }
    } catch (error) {
      throw s3Error(error, `${name} could not be written to ${this.url}`);
    }
  }

  /** One request, whatever the size: that a store honours the condition was tried with this request (`S3Store`). */
  async putIfNew(name: string, bytes: Uint8Array): Promise<ConditionalPut> {
    try {
      const { client, sdk } = await this.#connect();
      const input: PutObjectCommandInput = { ...this.#place(name), Body: bytes, IfNoneMatch: '*' };
      const { ETag } = await client.send(new sdk.PutObjectCommand(input));
      // S3 has been seen to answer a failed condition with 200; such an answer has no tag.
      if (ETag !== undefined) return 'written';
    } catch (error) {
      const { name: code, status, attempts } = s3Failure(error);
      if (status === 412 || code === 'PreconditionFailed') return this.#afterConflict(name, bytes, attempts);
      if (status === 501 || code === 'NotImplemented') return 'not-supported';
      throw s3Error(error, `${name} could not be written to ${this.url}`);
    }
    throw new CofreError('storage/unavailable', `${this.url} does not say whether ${name} was written`);
  }

  async get(name: string, range?: { readonly offset: number; readonly length: number }): Promise<Uint8Array> {
    // HTTP has no range of no bytes.
    if (range?.length === 0) return this.#getNothing(name, range.offset);
    const { offset, length } = range ?? { offset: 0, length: null };
    try {
      const { client, sdk } = await this.#connect();
      const Range = length === null ? undefined : `bytes=${offset}-${offset + length - 1}`;
      const answer = await client.send(new sdk.GetObjectCommand({ ...this.#place(name), Range }));
      const bytes = (await answer.Body?.transformToByteArray()) ?? new Uint8Array();
      const given = extentOf(answer.ContentRange, answer.ContentLength ?? bytes.length);
      if (given === null || given.offset > offset || bytes.length !== given.length) throw this.#cutShort(name);
      const wanted = length ?? given.sizeBytes;
      if (offset + wanted > given.sizeBytes) {
        throw objectTooShort(this.url, name, { sizeBytes: given.sizeBytes, offset, length: wanted });
      }
      // A store may give more than was asked for (one that knows no ranges gives all), never less.
      const begin = offset - given.offset;
      if (begin + wanted > bytes.length) throw this.#cutShort(name);
      return begin === 0 && wanted === bytes.length ? bytes : bytes.slice(begin, begin + wanted);
    } catch (error) {
      const { name: code, status } = s3Failure(error);
      if (status === 416 && length !== null) return this.#getPastEnd(name, { offset, length });
      if (status === 404 && code !== 'NoSuchBucket') throw objectMissing(this.url, name, s3Cause(error));
      throw s3Error(error, `${name} could not be read from ${this.url}`);
    }
  }

  async stat(name: string): Promise<ObjectInfo | null> {
    try {
      const { client, sdk } = await this.#connect();
      const answer = await client.send(new sdk.HeadObjectCommand(this.#place(name)));
      return this.#infoOf(name, { Size: answer.ContentLength, LastModified: answer.LastModified });
    } catch (error) {
      // Without a body, a missing bucket looks like a missing object; a put or a listing will tell.
      const { name: code, status } = s3Failure(error);
      if (status === 404 && code !== 'NoSuchBucket') return null;
      throw s3Error(error, `${name} could not be looked up in ${this.url}`);
    }
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    let token: string | undefined;
    do {
      const page = await this.#listPage(prefix, token);
      for (const { Key = '', Size, LastModified } of page.Contents ?? []) {
        yield this.#infoOf(Key.slice(this.#root.length), { Size, LastModified });
      }
      const next = page.IsTruncated === true ? page.NextContinuationToken : undefined;
      // A listing that ended too early would make living objects look like garbage, so it must never pass for a whole one.
      if (page.IsTruncated === true && (next === undefined || next === token)) {
        throw new CofreError('storage/unavailable', `${this.url} could not be listed: it does not go on after a page`);
      }
      token = next;
    } while (token !== undefined);
  }

  async delete(name: string): Promise<void> {
    try {
      const { client, sdk } = await this.#connect();
      await client.send(new sdk.DeleteObjectCommand(this.#place(name)));
    } catch (error) {
      const { name: code, status } = s3Failure(error);
      if (status === 404 && code !== 'NoSuchBucket') return; // Some stores, unlike S3, say so.
      throw s3Error(error, `${name} could not be deleted from ${this.url}`);
    }
  }

  #place(name: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#address.bucket, Key: this.#root + name };
  }

  #connect(): Promise<Connection> {
    this.#connection ??= connect(this.#address, this.#options);
    return this.#connection;
  }

  async #putInParts(client: S3Client, params: PutObjectCommandInput): Promise<void> {
    const { Upload } = await import('@aws-sdk/lib-storage');
    // The object appears when the last request completes the upload; a failed one is given up, parts and all.
    await new Upload({ client, params, partSize: PART_BYTES, queueSize: PARTS_AT_ONCE }).done();
  }

  /** Where the SDK sent the request again, the first may have written the object and only its answer was lost. */
  async #afterConflict(name: string, bytes: Uint8Array, attempts: number): Promise<ConditionalPut> {
    if (attempts <= 1) return 'exists';
    const stored = await this.get(name).catch((error: unknown) => {
      if (isCofreError(error, 'repository/object-missing')) return null; // It was there, and was deleted meanwhile.
      throw error;
    });
    return stored !== null && Buffer.compare(stored, bytes) === 0 ? 'written' : 'exists';
  }

  async #getNothing(name: string, offset: number): Promise<Uint8Array> {
    const info = await this.stat(name);
    if (info === null) throw objectMissing(this.url, name);
    if (offset > info.sizeBytes) {
      throw objectTooShort(this.url, name, { sizeBytes: info.sizeBytes, offset, length: 0 });
    }
    return new Uint8Array();
  }

  async #getPastEnd(name: string, range: { readonly offset: number; readonly length: number }): Promise<never> {
    const info = await this.stat(name);
    if (info === null) throw objectMissing(this.url, name);
    if (range.offset + range.length <= info.sizeBytes) throw this.#cutShort(name);
    throw objectTooShort(this.url, name, { sizeBytes: info.sizeBytes, ...range });
  }

  async #listPage(prefix: string, ContinuationToken: string | undefined) {
    try {
      const { client, sdk } = await this.#connect();
      const { bucket: Bucket } = this.#address;
      return await client.send(
        new sdk.ListObjectsV2Command({ Bucket, Prefix: this.#root + prefix, ContinuationToken }),
      );
    } catch (error) {
      throw s3Error(error, `${this.url} could not be listed`);
    }
  }

  #infoOf(path: string, facts: { readonly Size?: number | undefined; readonly LastModified?: Date | undefined }) {
    const { Size: sizeBytes, LastModified } = facts;
    if (sizeBytes === undefined || LastModified === undefined) {
      throw new CofreError('storage/unavailable', `${this.url} does not tell size and time of ${path}`);
    }
    // Listings may know fractions of a second, HTTP headers never do; an object has one time.
    return { path, sizeBytes, modifiedAt: new Date(Math.floor(LastModified.getTime() / 1000) * 1000) };
  }

  #cutShort(name: string): CofreError {
    return new CofreError(
      'storage/unavailable',
      `${name} could not be read from ${this.url}: the answer was cut short`,
    );
  }
}

/** What the SDK would else look for in files and in the machine's facts: each at its default. */
const NOT_LOOKED_FOR = {
  defaultsMode: 'standard',
  retryMode: 'standard',
  userAgentAppId: () => Promise.resolve(undefined),
  defaultUserAgentProvider: () => Promise.resolve([['cofre', '1']]),
  authSchemePreference: [],
  sigv4aSigningRegionSet: [],
  disableClockSkewCorrection: false,
  disableS3ExpressSessionAuth: false,
  useArnRegion: false,
  useDualstackEndpoint: false,
  useFipsEndpoint: false,
  ignoreConfiguredEndpointUrls: true,
} satisfies S3ClientConfig;

async function connect(address: S3Address, options: S3BucketOptions): Promise<Connection> {
  const sdk = await import('@aws-sdk/client-s3');
  // Stores of one's own seldom have regions, yet a signature names one.
  const region = address.region ?? options.region ?? (address.endpoint === undefined ? undefined : 'us-east-1');
  const client = new sdk.S3Client({
    ...(region === undefined ? {} : { region }),
    ...(address.endpoint === undefined ? {} : { endpoint: address.endpoint }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials, ...NOT_LOOKED_FOR }),
    forcePathStyle: address.forcePathStyle,
    followRegionRedirects: true,
    maxAttempts: ATTEMPTS,
    // The SHA-256 of every body is part of the signed request, and what comes back is checked by the engine. The SDK's
    // further checksums add nothing to that, and many S3-compatible stores refuse or garble them.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Waiting for "100 Continue" would cost each pack a round trip and a connection of its own.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: options.idleTimeoutMs ?? IDLE_TIMEOUT_MS,
    },
  });
  return { sdk, client };
}

/** Which bytes an answer holds, of how many; null where it contradicts itself. */
function extentOf(contentRange: string | undefined, length: number) {
  if (contentRange === undefined) return { offset: 0, length, sizeBytes: length };
  const [, first, last, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(contentRange) ?? [];
  if (first === undefined) return null;
  const offset = Number(first);
  return { offset, length: Number(last) + 1 - offset, sizeBytes: Number(size) };
}
