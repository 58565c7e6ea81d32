import { createHash, createHmac } from 'node:crypto';
import type { S3Credentials } from '@cofre/storage';

export interface SignedRequest {
  readonly method: string;
  /** As it was sent, with the query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** What S3 says of a request's signature (version 4) and of its body; null: it is right. */
export function signatureFault(request: SignedRequest, credentials: S3Credentials): string | null {
  const header = (name: string) => String(request.headers[name] ?? '');
  const [, keyId, scope = '', signed = '', signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)$/.exec(
      header('authorization'),
    ) ?? [];
  if (keyId === undefined) return 'AccessDenied';
  if (keyId !== credentials.accessKeyId) return 'InvalidAccessKeyId';
  if (header('x-amz-content-sha256') !== sha256(request.body)) return 'XAmzContentSHA256Mismatch';
  const [path = '', query = ''] = request.url.split('?');
  const parameters = query.split('&').filter((it) => it !== '');
  const canonical = [
    request.method,
    path,
    parameters
      .map((it) => (it.includes('=') ? it : `${it}=`))
      .sort()
      .join('&'),
    ...signed.split(';').map((name) => `${name}:${header(name).trim()}`),
    '',
    signed,
    header('x-amz-content-sha256'),
  ];
  const toSign = ['AWS4-HMAC-SHA256', header('x-amz-date'), scope, sha256(canonical.join('\n'))].join('\n');
  let key: Buffer = Buffer.from(`AWS4${credentials.secretAccessKey}`);
  for (const part of [...scope.split('/'), toSign]) key = createHmac('sha256', key).update(part).digest();
  return key.toString('hex') === signature ? null : 'SignatureDoesNotMatch';
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
