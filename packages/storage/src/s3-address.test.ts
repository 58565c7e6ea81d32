import { describe, expect, it } from 'vitest';
import { parseS3Address } from './s3-address.ts';

const parse = (text: string) => parseS3Address(new URL(text));

describe('the address of an S3 repository', () => {
  it('is a bucket, a prefix, and what is needed to find the store', () => {
    expect(parse('s3://backups')).toEqual({ bucket: 'backups', prefix: '', forcePathStyle: false });
    expect(parse('s3://backups/')).toEqual(parse('s3://backups'));
    expect(parse('s3://My.Old_Bucket/cofre/shop/')).toMatchObject({ bucket: 'My.Old_Bucket', prefix: 'cofre/shop' });
    expect(
      parse(
        's3://backups/shop?endpoint=https%3A%2F%2Fminio.example.com%3A9000%2F&region=eu-west-1&forcePathStyle=true',
      ),
    ).toEqual({
      bucket: 'backups',
      prefix: 'shop',
      endpoint: 'https://minio.example.com:9000',
      region: 'eu-west-1',
      forcePathStyle: true,
    });
    expect(parse('s3://backups?endpoint=http://127.0.0.1:9000').endpoint).toBe('http://127.0.0.1:9000');
  });

  it.each([
    's3://secret:secret@backups/shop',
    's3://secret@backups/shop',
    's3:///shop',
    's3://a',
    's3://-backups',
    's3://backups:9000/shop',
    's3://backups/a b',
    's3://backups/a~b',
    's3://backups//shop',
    `s3://backups/${'a/'.repeat(200)}`,
    's3://backups/shop#secret',
    's3://backups/shop?secretAccessKey=secret',
    's3://backups/shop?Region=eu-west-1',
    's3://backups/shop?region=eu-west-1&region=secret',
    's3://backups/shop?region=',
    's3://backups/shop?forcePathStyle=yes',
    's3://backups/shop?endpoint=minio.example.com',
    's3://backups/shop?endpoint=ftp://example.com',
    's3://backups/shop?endpoint=https://secret:secret@example.com',
    's3://backups/shop?endpoint=https://example.com/?token=secret',
  ])('%s is refused, and no value of it repeated', (text) => {
    try {
      parse(text);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: 'usage/invalid', hint: expect.not.stringMatching(/\bsecret\b/) });
      expect(String(error)).not.toMatch(/\bsecret\b/);
    }
  });
});
