import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Clock } from '../../packages/engine/src/index.ts';
import type { Certificate } from './certificates.ts';
import type { S3TestServer } from './s3-server.ts';
import { signatureFault } from './s3-signature.ts';

/** One request, as a test sees it. */
export interface StubRequest {
  /** Counts all requests from 0. */
  readonly index: number;
  readonly operation: 'put' | 'get' | 'head' | 'delete' | 'list' | 'parts-begin' | 'part' | 'parts-end' | 'parts-abort';
  /** For `list` the prefix. */
  readonly key: string;
  readonly headers: IncomingMessage['headers'];
}

/**
 * - `answer`: an answer of the test's own; the request has no effect.
 * - `lost`: the request has its effect, then the connection breaks instead of the answer.
 * - `cut`: the answer ends in the middle of its body.
 * - `hang`: no effect and no answer.
 * - `failed`: the request has its effect, and is answered with 500.
 * - `short`: the answer to a read has half of its body, and a length that fits that.
 * - `endless`: a listing that says it goes on, and not how.
 * - `truncated`: a listing of half a page that says it is all.
 * - `stale`: a listing of what was there at the last one that was not stale.
 */
export type StubFault =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string | Buffer }
  | { readonly kind: 'lost' | 'cut' | 'hang' | 'failed' | 'short' | ListingFault };
type ListingFault = 'endless' | 'truncated' | 'stale';

export interface S3StubOptions {
  /** `ignored`: the header has no effect, as in many stores. `refused`: it is answered with 501. */
  readonly conditionalPuts?: 'honoured' | 'ignored' | 'refused';
  /** Listings have so many objects on a page, if not fewer are asked for. */
  readonly pageSize?: number;
  /** What dates its objects; default: this machine's. */
  readonly clock?: Clock;
  /** It is reached by https; default: by http. */
  readonly tls?: Certificate;
}

interface StubObject {
  readonly bytes: Buffer;
  readonly modifiedAt: Date;
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

/** An S3 of our own in this process: atomic, consistent, with real signatures and conditional puts, and bad on demand. */
export class S3Stub implements S3TestServer {
  readonly bucket = 'cofre-test';
  readonly credentials = { accessKeyId: 'AKIASTUB', secretAccessKey: 'not so secret/but+long' };
  readonly requests: StubRequest[] = [];
  /** Says for each request what goes wrong; null: nothing. */
  fault: (request: StubRequest) => StubFault | null = () => null;
  /** Called before each request's effect and again before its answer, to mix requests that run at once. */
  pause: () => Promise<void> = async () => undefined;
  readonly objects = new Map<string, StubObject>();
  readonly #uploads = new Map<string, Map<number, Buffer>>();
  /** The objects at the last listing that was not stale. */
  #listed: ReadonlyMap<string, StubObject> = new Map();
  readonly #options: S3StubOptions;
  readonly #server: Server;

  private constructor(options: S3StubOptions) {
    this.#options = options;
    const { tls } = options;
    const listener = (request: IncomingMessage, response: ServerResponse) => {
      this.#serve(request, response).catch((error: unknown) => {
        response.destroy(error instanceof Error ? error : new Error(String(error)));
      });
    };
    this.#server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  }

  static async start(options: S3StubOptions = {}): Promise<S3Stub> {
    const stub = new S3Stub(options);
    stub.#server.listen(0, '127.0.0.1');
    await once(stub.#server, 'listening');
    return stub;
  }

  get endpoint(): string {
    const { port } = this.#server.address() as AddressInfo;
    return this.#options.tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`;
  }

  /** Uploads that were begun and neither completed nor aborted. */
  get openUploads(): number {
    return this.#uploads.size;
  }

  /** Puts an object with a date of the test's choosing, past all requests. */
  place(key: string, text: string, modifiedAt: Date): void {
    this.objects.set(key, { bytes: Buffer.from(text), modifiedAt });
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #now(): Date {
    return this.#options.clock?.now() ?? new Date();
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = incoming;
    const body = await buffer(incoming);
    const { pathname, searchParams } = new URL(url, this.endpoint);
    const [bucket = '', ...rest] = pathname.slice(1).split('/').map(decodeURIComponent);
    const operation = operationOf(method, searchParams);
    const key = operation === 'list' ? (searchParams.get('prefix') ?? '') : rest.join('/');
    const request = { index: this.requests.length, operation, key, headers };
    this.requests.push(request);
    const fault = this.fault(request);
    if (fault?.kind === 'hang') return;
    await this.pause();
    const refusal = signatureFault({ method, url, headers, body }, this.credentials);
    let answer: Answer;
    if (fault?.kind === 'answer') answer = fault;
    else if (refusal !== null) answer = failure(refusal === 'XAmzContentSHA256Mismatch' ? 400 : 403, refusal);
    else if (bucket !== this.bucket) answer = failure(404, 'NoSuchBucket');
    else answer = this.#answer(request, { body, parameters: searchParams, fault });
    await this.pause();
    if (fault?.kind === 'failed') answer = failure(500, 'InternalError');
    if (fault?.kind === 'short' && method === 'GET') answer = { ...answer, body: half(answer.body) };
    if (fault?.kind === 'lost') response.destroy();
    else send(response, answer, { isHead: method === 'HEAD', isCut: fault?.kind === 'cut' });
  }

  #answer(
    { operation, key, headers }: StubRequest,
    given: { readonly body: Buffer; readonly parameters: URLSearchParams; readonly fault: StubFault | null },
  ): Answer {
    const { body, parameters, fault } = given;
    switch (operation) {
      case 'put':
        return this.#put(key, body, headers['if-none-match']);
      case 'get':
      case 'head':
        return this.#get(key, headers.range);
      case 'delete':
        this.objects.delete(key);
        return { status: 204 };
      case 'list':
        return this.#list(parameters, fault?.kind);
      case 'parts-begin':
      case 'part':
      case 'parts-end':
      case 'parts-abort':
        return this.#upload(operation, { key, body, parameters });
    }
  }

  #put(key: string, body: Buffer, condition?: string): Answer {
    const { conditionalPuts = 'honoured' } = this.#options;
    if (condition !== undefined && conditionalPuts === 'refused') return failure(501, 'NotImplemented');
    if (condition === '*' && conditionalPuts === 'honoured' && this.objects.has(key)) {
      return failure(412, 'PreconditionFailed');
    }
    this.objects.set(key, { bytes: body, modifiedAt: this.#now() });
    return { status: 200, headers: { ETag: etagOf(body) } };
  }

  #get(key: string, range?: string): Answer {
    const object = this.objects.get(key);
    if (object === undefined) return failure(404, 'NoSuchKey');
    const { bytes, modifiedAt } = object;
    const headers = { 'Last-Modified': modifiedAt.toUTCString(), ETag: etagOf(bytes) };
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    if (first === undefined) return { status: 200, headers, body: bytes };
    const begin = Number(first);
    if (begin >= bytes.length) return failure(416, 'InvalidRange');
    const end = Math.min(Number(last), bytes.length - 1);
    const contentRange = `bytes ${begin}-${end}/${bytes.length}`;
    return {
      status: 206,
      headers: { ...headers, 'Content-Range': contentRange },
      body: bytes.subarray(begin, end + 1),
    };
  }

  #list(parameters: URLSearchParams, fault: StubFault['kind'] | undefined): Answer {
    if (fault !== 'stale') this.#listed = new Map(this.objects);
    const prefix = parameters.get('prefix') ?? '';
    const after = Buffer.from(parameters.get('continuation-token') ?? '', 'base64').toString();
    const pageSize = Math.min(Number(parameters.get('max-keys') ?? 1000), this.#options.pageSize ?? 1000);
    const left = [...this.#listed]
      .filter(([key]) => key.startsWith(prefix) && key > after)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const page = left.slice(0, fault === 'truncated' ? left.length >> 1 : pageSize);
    const contents = page.map(
      ([key, { bytes, modifiedAt }]) =>
        `<Contents><Key>${key}</Key><LastModified>${modifiedAt.toISOString()}</LastModified><Size>${bytes.length}</Size></Contents>`,
    );
    const isTruncated = fault === 'endless' || (fault !== 'truncated' && left.length > page.length);
    const next = Buffer.from(page.at(-1)?.[0] ?? '').toString('base64');
    const token = isTruncated && fault !== 'endless' ? `<NextContinuationToken>${next}</NextContinuationToken>` : '';
    return xml(
      200,
      `<ListBucketResult><IsTruncated>${isTruncated}</IsTruncated>${token}${contents.join('')}</ListBucketResult>`,
    );
  }

  #upload(
    operation: 'parts-begin' | 'part' | 'parts-end' | 'parts-abort',
    given: { readonly key: string; readonly body: Buffer; readonly parameters: URLSearchParams },
  ): Answer {
    const { key, body, parameters } = given;
    if (operation === 'parts-begin') {
      const id = `upload-${this.requests.length}`;
      this.#uploads.set(id, new Map());
      return xml(200, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
    }
    const id = parameters.get('uploadId') ?? '';
    const parts = this.#uploads.get(id);
    if (parts === undefined) return failure(404, 'NoSuchUpload');
    if (operation === 'part') {
      parts.set(Number(parameters.get('partNumber')), body);
      return { status: 200, headers: { ETag: etagOf(body) } };
    }
    this.#uploads.delete(id);
    if (operation === 'parts-abort') return { status: 204 };
    const numbers = [...body.toString().matchAll(/<PartNumber>(\d+)</g)].map(([, number]) => Number(number));
    const bytes = Buffer.concat(numbers.map((number) => parts.get(number) ?? Buffer.alloc(0)));
    this.objects.set(key, { bytes, modifiedAt: this.#now() });
    return xml(200, `<CompleteMultipartUploadResult><Key>${key}</Key></CompleteMultipartUploadResult>`);
  }
}

function operationOf(method: string, parameters: URLSearchParams): StubRequest['operation'] {
  if (method === 'HEAD') return 'head';
  if (method === 'GET') return parameters.has('list-type') ? 'list' : 'get';
  if (method === 'PUT') return parameters.has('partNumber') ? 'part' : 'put';
  if (method === 'POST') return parameters.has('uploads') ? 'parts-begin' : 'parts-end';
  return parameters.has('uploadId') ? 'parts-abort' : 'delete';
}

function send(
  response: ServerResponse,
  answer: Answer,
  how: { readonly isHead: boolean; readonly isCut: boolean },
): void {
  const body = Buffer.from(answer.body ?? '');
  response.writeHead(answer.status, { ...answer.headers, 'Content-Length': body.length });
  if (how.isHead) response.end();
  else if (how.isCut) response.write(half(body), () => response.destroy());
  else response.end(body);
}

function half(body: Buffer | string = ''): Buffer {
  const bytes = Buffer.from(body);
  return bytes.subarray(0, bytes.length >> 1);
}

function xml(status: number, body: string): Answer {
  return {
    status,
    headers: { 'Content-Type': 'application/xml' },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}`,
  };
}

/** As S3 words it. */
export function failure(status: number, code: string): Answer & { readonly body: string } {
  const body = `<Error><Code>${code}</Code><Message>The stub says ${code}.</Message></Error>`;
  return { ...xml(status, body), body };
}

function etagOf(bytes: Buffer): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`;
}
