import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { pinSession } from '../session/pin-session.ts';
import { type Equalities, readEqualities } from './equality.ts';

const SETUP = `
CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext;
CREATE TYPE ext.mood AS ENUM ('a'); CREATE TYPE ext.pair AS (a int);
CREATE DOMAIN ext.any_mood AS ext.mood; CREATE DOMAIN ext.deep_mood AS ext.any_mood;
CREATE DOMAIN ext.small AS int2; CREATE DOMAIN ext.folded AS ext.citext; CREATE DOMAIN ext.ints AS int[];
CREATE DOMAIN ext.span AS int4range; CREATE DOMAIN ext.pairs AS ext.pair;`;

const TYPES = `
  int2 int4 int8 oid numeric float4 float8 money bool uuid bytea xid xid8
  text varchar bpchar name "char" date time timetz timestamp timestamptz interval
  inet cidr macaddr bit varbit json jsonb xml point box regclass pg_lsn tsvector
  int4[] text[] int4range int4multirange ext.mood ext.any_mood ext.deep_mood ext.pair
  ext.citext ext.folded ext.small ext.ints ext.span ext.pairs ext.mood[]`
  .trim()
  .split(/\s+/);

describe.each(testServers())('equality of types on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  let client: pg.Client;
  let equalities: Equalities;
  const oids = new Map<string, number>();
  beforeAll(async () => {
    db = await createTestDatabase(server);
    await db.query(SETUP);
    client = await db.database.connect();
    await pinSession(client);
    for (const type of TYPES) {
      const { rows } = await client.query<{ oid: number }>('SELECT $1::regtype::oid AS oid', [type]);
      oids.set(type, rows[0]?.oid ?? 0);
    }
    equalities = await readEqualities(client, [...oids.values()]);
  });
  afterAll(async () => {
    await client.end();
    await db.drop();
  });

  const equality = (left: string, right: string) => equalities(oids.get(left) ?? 0, oids.get(right) ?? 0);

  it('whatever is found is what the server takes, with an empty search path', async () => {
    let taken = 0;
    for (const left of TYPES) {
      for (const right of TYPES) {
        const found = equality(left, right);
        if (found === null) continue;
        const side = (type: string, cast: string | null) =>
          cast === null ? `NULL::${type}` : `CAST(NULL::${type} AS ${cast})`;
        await client.query(`SELECT ${side(left, found.castLeft)} ${found.operator} ${side(right, found.castRight)}`);
        taken++;
      }
    }
    expect(taken).toBeGreaterThan(TYPES.length);
  });

  it.each([
    ['int4', 'int8'],
    ['ext.small', 'int8'],
    ['int4', 'numeric'],
    ['varchar', 'text'],
    ['name', 'text'],
    ['date', 'timestamptz'],
    ['cidr', 'inet'],
    ['ext.deep_mood', 'ext.mood'],
    ['ext.folded', 'ext.citext'],
    ['ext.ints', 'int4[]'],
    ['xid', 'xid'],
  ])('%s and %s can be compared, either way round', (left, right) => {
    expect(equality(left, right)).not.toBeNull();
    expect(equality(right, left)).not.toBeNull();
  });

  it.each([
    ['text', 'uuid'],
    ['int4', 'text'],
    ['json', 'json'],
    ['xml', 'text'],
    ['point', 'point'],
    ['ext.mood', 'text'],
    ['int4[]', 'text[]'],
  ])('%s and %s cannot', (left, right) => {
    expect(equality(left, right)).toBeNull();
  });

  it('an extension’s type is compared by the extension’s operator', () => {
    expect(equality('ext.citext', 'ext.folded')).toEqual({
      operator: 'OPERATOR(ext.=)',
      castLeft: null,
      castRight: null,
    });
  });
});
