import { CofreError } from '@cofre/contracts';
import { describe, expect, it } from 'vitest';
import { readEnvironment, readPort } from './environment.ts';

const COMPLETE = {
  DATABASE_URL: 'postgres://user:the-password@host/db',
  COFRE_REPOSITORY: 's3://bucket/prefix?region=eu-west-1',
  AWS_ACCESS_KEY_ID: 'AKIA',
  AWS_SECRET_ACCESS_KEY: 'the-access-key',
};

function faultsOf(variables: Readonly<Record<string, string>>): readonly string[] {
  try {
    readEnvironment(variables);
  } catch (error) {
    if (!(error instanceof CofreError)) throw error;
    expect(error.code).toBe('function/not-configured');
    expect(JSON.stringify([error.message, error.params, error.hint])).not.toMatch(/the-|a-secret|passphrase-of/);
    return error.params['faults'] as readonly string[];
  }
  return [];
}

describe('the environment of a function', () => {
  it('is complete with a database, a bucket and credentials', () => {
    expect(readEnvironment(COMPLETE)).toEqual({
      databaseUrl: COMPLETE.DATABASE_URL,
      repositoryUrl: COMPLETE.COFRE_REPOSITORY,
      credentials: { accessKeyId: 'AKIA', secretAccessKey: 'the-access-key' },
      region: undefined,
      key: { kind: 'none' },
    });
  });

  it('the platform’s own database is the default', () => {
    const { DATABASE_URL: url, ...rest } = COMPLETE;
    expect(readEnvironment({ ...rest, SUPABASE_DB_URL: url }).databaseUrl).toBe(url);
    expect(readEnvironment({ ...COMPLETE, SUPABASE_DB_URL: 'postgres://other' }).databaseUrl).toBe(url);
  });

  it('a key is what a key file holds, as text', () => {
    const bytes = Buffer.alloc(32, 7);
    for (const text of [bytes.toString('hex'), `${bytes.toString('hex').toUpperCase()}\n`, bytes.toString('base64')]) {
      expect(readEnvironment({ ...COMPLETE, COFRE_KEY: text }).key).toEqual({ kind: 'key-file', bytes });
    }
    expect(readEnvironment({ ...COMPLETE, COFRE_PASSPHRASE: 'p' }).key).toEqual({
      kind: 'passphrase',
      passphrase: 'p',
    });
  });

  it('everything that is missing is named at once', () => {
    expect(faultsOf({})).toEqual([
      'DATABASE_URL is not set',
      'COFRE_REPOSITORY is not set',
      'AWS_ACCESS_KEY_ID is not set',
      'AWS_SECRET_ACCESS_KEY is not set',
    ]);
    expect(faultsOf({ ...COMPLETE, DATABASE_URL: '' })).toEqual(['DATABASE_URL is not set']);
  });

  it.each([
    ['another kind of database', { DATABASE_URL: 'mysql://u:the-password@host/db' }, /DATABASE_URL is not a URL/],
    ['a folder', { COFRE_REPOSITORY: 'file:///srv/the-folder' }, /must be s3:.* no disk/],
    ['no address', { COFRE_REPOSITORY: 'the-bucket' }, /COFRE_REPOSITORY is no address/],
    ['a bucket with credentials', { COFRE_REPOSITORY: 's3://id:the-key@bucket/x' }, /it holds credentials/],
    ['a short key', { COFRE_KEY: 'the-key' }, /COFRE_KEY is no 256-bit key/],
    ['a key and a passphrase', { COFRE_KEY: 'a'.repeat(64), COFRE_PASSPHRASE: 'passphrase-of-it' }, /both set/],
    ['keys that are no JSON', { SUPABASE_SECRET_KEYS: 'a-secret' }, /SUPABASE_SECRET_KEYS is neither/],
  ])('%s is refused with words, and without the value', (_name, variables, words) => {
    expect(faultsOf({ ...COMPLETE, ...variables }).join()).toMatch(words);
  });

  it('a port is a number or nothing', () => {
    expect(readPort({})).toBeUndefined();
    expect(readPort({ PORT: '' })).toBeUndefined();
    expect(readPort({ PORT: '8080' })).toBe(8080);
    for (const PORT of ['x', '-1', '70000', '1.5']) {
      expect(() => readPort({ PORT })).toThrow(expect.objectContaining({ code: 'function/not-configured' }));
    }
  });
});
