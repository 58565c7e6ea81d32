/**
 * Values of every type that PostgreSQL ships, as literals: extremes, what has a spelling of its own, and what a text
 * format is most likely to spoil. `random` makes more, from a source that gives numbers in [0, 1).
 */
export interface TypeSample {
  readonly values: readonly string[];
  readonly random?: (next: Random) => string;
}

export type Random = () => number;

/** The same numbers in every run (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const below = (next: Random, limit: number) => Math.floor(next() * limit);
const pick = <T>(next: Random, from: readonly T[]): T => from[below(next, from.length)] as T;
const digits = (next: Random, count: number) => Array.from({ length: count }, () => below(next, 10)).join('');
const hex = (next: Random, bytes: number) =>
  Array.from({ length: bytes }, () => below(next, 256).toString(16).padStart(2, '0')).join('');

/** Characters that COPY, arrays, composites and JSON each treat in a way of their own, and some of every width. */
const LETTERS = [
  '\t',
  '\n',
  '\r',
  '\\',
  '\b',
  '\f',
  '\v',
  '\u0001',
  '\u007f',
  '"',
  "'",
  '{',
  '}',
  '(',
  ')',
  ',',
  ' ',
  'N',
  '.',
  'a',
  'é',
  '\u0301',
  '\u2028',
  '漢',
  '📦',
  '\u{10FFFF}',
  'x',
];

const text = (next: Random) => Array.from({ length: below(next, 40) }, () => pick(next, LETTERS)).join('');
const integer = (bits: bigint) => (next: Random) => BigInt.asIntN(Number(bits), BigInt(`0x${hex(next, 8)}`)).toString();
const float = (next: Random) => {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setBigUint64(0, BigInt(`0x${hex(next, 8)}`));
  return String(bytes.getFloat64(0));
};
const float4 = (next: Random) => {
  const bytes = new DataView(new ArrayBuffer(4));
  bytes.setUint32(0, Number(`0x${hex(next, 4)}`));
  return String(bytes.getFloat32(0));
};
const numeric = (next: Random) =>
  `${pick(next, ['', '-'])}${digits(next, 1 + below(next, 60))}${pick(next, ['', `.${digits(next, 1 + below(next, 40))}`])}${pick(next, ['', '', 'e-30', 'e40'])}`;
const date = (next: Random) =>
  `${String(1 + below(next, 4700)).padStart(4, '0')}-${1 + below(next, 12)}-${1 + below(next, 28)}`;
const time = (next: Random) => `${below(next, 24)}:${below(next, 60)}:${below(next, 60)}.${digits(next, 6)}`;
const era = (next: Random) => pick(next, ['', '', ' BC']);
const bits = (next: Random) => Array.from({ length: 1 + below(next, 70) }, () => below(next, 2)).join('');
const json = (next: Random): string =>
  JSON.stringify({ [text(next)]: [text(next), next(), null, { deep: [below(next, 1e9), text(next)] }] });
const interval = (next: Random) => {
  const sign = () => pick(next, ['', '-']);
  return `${sign()}${below(next, 2000)} months ${sign()}${below(next, 2000)} days ${sign()}${digits(next, 6)}.${digits(next, 6)} seconds`;
};
const address4 = (next: Random) => Array.from({ length: 4 }, () => below(next, 256)).join('.');
const point = (next: Random) => `(${float(next)},${float(next)})`;

export const EVERY_TYPE: Readonly<Record<string, TypeSample>> = {
  bool: { values: ['true', 'false'] },
  int2: { values: ['-32768', '32767', '0'], random: integer(16n) },
  int4: { values: ['-2147483648', '2147483647', '0'], random: integer(32n) },
  int8: { values: ['-9223372036854775808', '9223372036854775807', '0'], random: integer(64n) },
  float4: {
    values: ['0', '-0', 'NaN', 'Infinity', '-Infinity', '1e-45', '3.4028235e38', '1.17549435e-38', '0.1', '16777216'],
    random: float4,
  },
  float8: {
    values: [
      '0',
      '-0',
      'NaN',
      'Infinity',
      '-Infinity',
      '5e-324',
      '1.7976931348623157e308',
      '2.2250738585072014e-308',
      '0.1',
      '0.30000000000000004',
      '9007199254740993',
    ],
    random: float,
  },
  numeric: {
    values: [
      '0',
      '0.0',
      '0.00',
      '-0.0',
      'NaN',
      'Infinity',
      '-Infinity',
      '1',
      '1.0',
      '1.00',
      '1e131071',
      '1e-16383',
      '-1e-16383',
      '123456789012345678901234567890.123456789012345678901234567890',
    ],
    random: numeric,
  },
  'numeric(12,2)': { values: ['-9999999999.99', '0.00', '0.01', 'NaN'] },
  'numeric(5,-2)': { values: ['1200', '-9999900'] },
  money: {
    values: ['-92233720368547758.08', '92233720368547758.07', '0', '-0.01'],
    random: (next) => `${digits(next, 12)}.${digits(next, 2)}`,
  },
  oid: { values: ['0', '4294967295'] },
  xid: { values: ['0', '4294967295'] },
  xid8: { values: ['0', '18446744073709551615'] },
  cid: { values: ['0', '4294967295'] },
  tid: { values: ['(0,0)', '(4294967295,65535)'] },
  pg_lsn: { values: ['0/0', 'FFFFFFFF/FFFFFFFF', '16/B374D848'] },
  pg_snapshot: { values: ['10:20:10,14,15', '1:1:'] },
  txid_snapshot: { values: ['10:20:10,14,15'] },
  text: {
    values: [
      '',
      ' ',
      '\\N',
      '\\.',
      '\\',
      '\\\\',
      '\n',
      '\r',
      '\r\n',
      '\t',
      '\b\f\v',
      '\u0001\u007f',
      'NULL',
      'null',
      '"',
      "'",
      '\u2028',
      '📦\u{10FFFF}',
      'e\u0301é',
      '\\x00',
      '\\011',
      'a\\\nb',
    ],
    random: text,
  },
  varchar: { values: ['', '  spaces  ', '\\.'], random: text },
  'varchar(5)': { values: ['12345', '     '] },
  bpchar: { values: ['', 'x   ', '\\N'], random: text },
  'char(10)': { values: ['', 'x', ' x ', '\\'] },
  '"char"': { values: ['', 'a', '\\', '\n', '\t', ' '] },
  name: { values: ['', 'a"b', 'sixty-three-characters-long-0123456789-0123456789-0123456789-xyz', '📦'] },
  refcursor: { values: ['', 'c', '\\N'] },
  bytea: {
    values: ['', '\\x00', '\\x5c6e0a0d09', `\\x${'00ff'.repeat(500)}`],
    random: (next) => `\\x${hex(next, below(next, 60))}`,
  },
  bit: { values: ['0', '1'] },
  'bit(70)': { values: ['1'.repeat(70), '0'.repeat(70), '10'.repeat(35)] },
  varbit: { values: ['', '0', '1', '101'], random: bits },
  uuid: { values: ['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'] },
  date: {
    values: ['4713-01-01 BC', '0001-01-01', '0001-12-31 BC', '5874897-12-31', 'infinity', '-infinity', '2024-02-29'],
    random: (next) => date(next) + era(next),
  },
  time: { values: ['00:00:00', '24:00:00', '23:59:59.999999'], random: time },
  'time(0)': { values: ['23:59:59'] },
  timetz: {
    values: ['00:00:00+15:59:59', '24:00:00-15:59:59', '12:34:56.789012+05:30'],
    random: (next) => `${time(next)}+0${below(next, 10)}`,
  },
  timestamp: {
    values: [
      '4713-11-24 00:00:00 BC',
      '294276-12-31 23:59:59.999999',
      'infinity',
      '-infinity',
      '0001-01-01 00:00:00 BC',
      '2000-01-01 00:00:00',
      '1999-12-31 23:59:59.999999',
    ],
    random: (next) => `${date(next)} ${time(next)}${era(next)}`,
  },
  timestamptz: {
    values: [
      '4713-11-24 00:00:00+00 BC',
      '294276-12-31 23:59:59.999999+00',
      'infinity',
      '-infinity',
      '1900-01-01 00:00:00 America/Sao_Paulo',
      '2018-11-04 00:30:00 America/Sao_Paulo',
    ],
    random: (next) => `${date(next)} ${time(next)}+00${era(next)}`,
  },
  interval: {
    values: [
      '0',
      '1 mon -1 day +00:00:01',
      '-1 mon +1 day -00:00:00.000001',
      '178000000 years',
      '-178000000 years',
      '2147483647 days',
      '-2147483648 days',
      '-0.000001 seconds',
      '1 year 2 mons -3 days +04:05:06.000007',
      '2562047788 hours',
    ],
    random: interval,
  },
  'interval year to month': { values: ['-1 year -2 mons'] },
  json: {
    values: [
      'null',
      '""',
      '{}',
      '[]',
      ' { "a" :  1 , "a" : 2 } ',
      '"\\u00e9\\n\\t\\\\ \\"\\ud83d\\udce6"',
      '1e400',
      '-0',
      '"\\u0000"',
    ],
    random: json,
  },
  jsonb: {
    values: [
      'null',
      '""',
      '{}',
      '[]',
      '{"b": 1, "a": [null, true, "\\\\n\\n"], "": {}}',
      '1.00',
      '"📦\\u0001"',
      '12345678901234567890.123456789',
    ],
    random: json,
  },
  jsonpath: {
    values: ['$', '$.a[*] ? (@ > 1 && @.b like_regex "^\\\\d+$" flag "i")', 'strict $."key with \\" quote"'],
  },
  xml: {
    values: [
      '',
      '<a/>',
      '<a b="&quot;">\n\t&lt;é📦</a>',
      'text <b>and</b> mark-up',
      '<!-- c --><?p i?><![CDATA[x < y]]>',
    ],
  },
  inet: {
    values: ['0.0.0.0', '255.255.255.255/32', '10.1.2.3/8', '::', '::1/0', 'fe80::1234/64', '::ffff:1.2.3.4'],
    random: (next) => `${address4(next)}/${below(next, 33)}`,
  },
  cidr: { values: ['10.0.0.0/8', '192.168.1.0/24', '::/0', '2001:db8::/32', '1.2.3.4/32'] },
  macaddr: { values: ['00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff'], random: (next) => hex(next, 6) },
  macaddr8: { values: ['00:00:00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff:ff:ff'], random: (next) => hex(next, 8) },
  point: { values: ['(0,-0)', '(NaN,Infinity)', '(1e-300,-1e300)'], random: point },
  lseg: { values: ['[(0,0),(1e300,-1)]'], random: (next) => `[${point(next)},${point(next)}]` },
  line: { values: ['{1,2,3}', '{0,-1,0.1}'] },
  box: { values: ['(1,1),(0,0)', '(NaN,0),(0,-Infinity)'] },
  path: { values: ['[(0,0),(1,1)]', '((0,0),(1,1),(0.1,-0))'] },
  polygon: { values: ['((0,0),(1,1),(0.30000000000000004,5e-324))'] },
  circle: { values: ['<(0,0),0>', '<(1,-1),Infinity>'] },
  tsvector: { values: ['', "'a':1A,2B,16383 'b' 'it''s':5C", "'\\\\':3 ' sp ace '", "'📦' 'é'"] },
  tsquery: { values: ["'a' & !'b' | 'c' <-> 'd':*AB", "'it''s' <5> '\\\\'"] },
  int4range: { values: ['empty', '(,)', '[1,5)', '[-2147483648,2147483647)'] },
  int8range: { values: ['empty', '(,)', '[-9223372036854775808,9223372036854775807)'] },
  numrange: { values: ['empty', '(,)', '(1.0,2.00]', '[NaN,]', '(-Infinity,Infinity)', '[1.10,1.1]'] },
  daterange: { values: ['empty', '[2024-01-01,infinity]', '(-infinity,)', '[0044-03-15 BC,)'] },
  tsrange: { values: ['empty', '["2024-01-01 00:00:00","2024-02-01 12:00:00.000001")', '[-infinity,infinity]'] },
  tstzrange: { values: ['empty', '["2024-01-01 00:00:00+03",)'] },
  int4multirange: { values: ['{}', '{[1,3),[5,8)}', '{(,)}'] },
  int8multirange: { values: ['{}', '{(,1),[5,)}'] },
  nummultirange: { values: ['{}', '{[1.0,2.00),[3,NaN]}'] },
  datemultirange: { values: ['{}', '{[-infinity,2024-01-01),[2025-01-01,)}'] },
  tsmultirange: { values: ['{}', '{["2024-01-01 00:00:00","2024-02-01 00:00:00"]}'] },
  tstzmultirange: { values: ['{}', '{["2024-01-01 00:00:00+00",)}'] },
  int2vector: { values: ['', '1 2 -3'] },
  oidvector: { values: ['', '1 2 4294967295'] },
  aclitem: { values: ['postgres=arwdDxt/postgres', '=r/postgres'] },
  regclass: { values: ['pg_catalog.pg_class', '"public"."odd ""table"'] },
  regtype: { values: ['pg_catalog.int4', '0', 'public.mood', 'public.mood[]'] },
  regproc: { values: ['pg_catalog.sin', '0'] },
  regprocedure: { values: ['pg_catalog.sin(pg_catalog.float8)', '0'] },
  regoper: { values: ['pg_catalog.||/', '0'] },
  regoperator: { values: ['pg_catalog.+(pg_catalog.int4,pg_catalog.int4)', '0'] },
  regnamespace: { values: ['pg_catalog', 'public', '0'] },
  regrole: { values: ['postgres', '0'] },
  regcollation: { values: ['pg_catalog."C"', '0'] },
  regconfig: { values: ['pg_catalog.simple', '0'] },
  regdictionary: { values: ['pg_catalog.simple', '0'] },
  regdatabase: { values: ['postgres', '0'] },
  'public.mood': { values: ['', 'sad', 'it\'s "ok"\\n, {}', '📦'] },
  'public.amount': { values: ['0.00', '1.50'] },
  'public.tags': { values: ['{}', '{a,NULL,"b,c"}'] },
  'public.pair': { values: ['(,)', '("",)', '("a,""b\\\\(c)",1)', '(" ",-1)', '("\n\t\\\\N",2)'] },
  'public.nest': { values: ['(,)', '("(x,1)","{""(a,2)"",NULL,""(,)""}")'] },
  'public.span': { values: ['empty', '["a b","c,d")', '["\\\\",)'] },
  'public.span_multirange': { values: ['{}', '{["a","b"),["c",)}'] },
  'public.hstore': { values: ['', '"a"=>NULL, "b"=>"\\"x\\\\ \n"', '""=>""'] },
  'public.citext': { values: ['', 'Straße', 'STRASSE', '\\.'] },
  'public.ltree': { values: ['', 'Top.Science_1'] },
  'public.cube': { values: ['(1, -2),(3, 0.1)'] },
  'public.seg': { values: ['1.00 .. 2.0', '<1', '~3'] },
  'public.isbn13': { values: ['978-0-393-04002-9'] },
};

/** Types of the tests' own, and contributed ones. */
export const SETUP_TYPES = `
CREATE TYPE public.mood AS ENUM ('', 'sad', 'it''s "ok"\\n, {}', '📦');
CREATE DOMAIN public.amount AS numeric(10, 2) CHECK (VALUE >= 0);
CREATE DOMAIN public.tags AS text[];
CREATE TYPE public.pair AS (a text, b int);
CREATE TYPE public.nest AS (one public.pair, many public.pair[]);
CREATE TYPE public.span AS RANGE (subtype = text, collation = "C");
CREATE TABLE public."odd ""table" ();
CREATE EXTENSION hstore SCHEMA public; CREATE EXTENSION citext SCHEMA public; CREATE EXTENSION ltree SCHEMA public; CREATE EXTENSION cube SCHEMA public; CREATE EXTENSION seg SCHEMA public;
CREATE EXTENSION isn SCHEMA public;`;

/** Types of the catalogue that refuse every literal: no column of a user can hold a value that was written as text. */
export const UNSTORABLE: ReadonlySet<string> = new Set([
  'gtsvector',
  'pg_brin_bloom_summary',
  'pg_brin_minmax_multi_summary',
  'pg_dependencies',
  'pg_mcv_list',
  'pg_ndistinct',
  'pg_node_tree',
]);
