import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parse } from 'csv-parse/sync';
import { MemoryStore } from '@cofre/storage';
import { describe, expect, it } from 'vitest';
import {
  batchesOfLines,
  exportFiles,
  type ExportFormat,
  joinLine,
  type Manifest,
  type ManifestTable,
  outlineExport,
  type RowBatch,
} from '../../packages/engine/src/index.ts';
import { backUp, initRepository, keyFile, rowsOf, tableOf } from '../repository/fixtures.ts';
import { exportText, readFiles } from '../support/export-text.ts';

/** What CSV, JSON and spreadsheets each treat in a way of their own. */
const VALUES = [
  '',
  ' ',
  'a,b',
  'a;b',
  '"',
  '""',
  'a\nb',
  'a\r\nb',
  '\r',
  '\\.',
  '\\N',
  'NULL',
  "'",
  '=1+1',
  '\t',
  'é漢📦',
  '\u2028',
  '\u0001',
];

interface Column {
  readonly name: string;
  readonly type: string;
}

/** A table of a manifest and its rows, as a repository would give them. */
async function exported(
  format: ExportFormat,
  {
    columns,
    rows,
    facts = {},
  }: { columns: readonly Column[]; rows: readonly (string | null)[][]; facts?: ManifestTable['facts'] },
): Promise<string> {
  const repository = await initRepository(new MemoryStore(), keyFile);
  const manifest = await backUp(repository, rowsOf(1));
  const plain = { notNull: false, defaultExpression: null, identity: null, secret: false };
  const table: ManifestTable = {
    ...tableOf(manifest),
    columns: columns.map((column) => ({ ...plain, ...column })),
    facts,
    rows: rows.length,
  };
  const source = { readRows: () => batchesOfLines(rows.map(joinLine)) };
  const options = { format, tables: [table], secrets: 'left-out', content: 'rows' } as const;
  const files = await readFiles(exportFiles(source, outlineExport({ ...manifest, tables: [table] }, options)));
  return files.get(`public.t.${format}`) ?? '';
}

const text = (name: string): Column => ({ name, type: 'text' });

describe('an export as CSV', () => {
  it('is read back by another’s parser, whatever names and values hold; NULL and the empty text differ', async () => {
    const names = ['id', 'a "b"', 'c,d', 'e\nf'];
    const rows = VALUES.map((value, index) => [String(index), value, null, value]);
    const csv = await exported('csv', { columns: names.map(text), rows });
    const parsed = parse(csv, {
      columns: true,
      relax_quotes: false,
      cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
    });
    expect(parsed).toEqual(
      rows.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index] ?? null]))),
    );
    expect(csv.split('\r\n').length).toBeGreaterThan(rows.length);
  });
});

describe('an export as JSON lines', () => {
  it.each([
    ['bigint', '9007199254740991', '9007199254740991'],
    ['bigint', '9007199254740993', '"9007199254740993"'],
    ['bigint', '-9223372036854775808', '"-9223372036854775808"'],
    ['numeric(10,2)', '1.50', '1.50'],
    ['numeric', '0.1234567890123456789', '"0.1234567890123456789"'],
    ['numeric', 'NaN', '"NaN"'],
    ['numeric', '100000000000000000000000', '"100000000000000000000000"'],
    ['numeric(3,1)[]', '{1.5,NULL}', '"{1.5,NULL}"'],
    ['double precision', '1e-05', '1e-05'],
    ['double precision', '-Infinity', '"-Infinity"'],
    ['real', '0.1', '0.1'],
    ['integer', '-0', '"-0"'],
    ['boolean', 't', 'true'],
    ['jsonb', '{"a": 1.0, "a2": 12345678901234567890}', '{"a": 1.0, "a2": 12345678901234567890}'],
    ['json', '{\n "a":\r\n [1]}', '{  "a":  [1]}'],
    ['json', '{torn', '"{torn"'],
    ['bytea', '\\x00ff', String.raw`"\\x00ff"`],
    ['text', '5', '"5"'],
    ['public.price', '2.50', '2.50'],
    ['public.mood', 'sad', '"sad"'],
  ])('gives %s %s as %s', async (type, value, json) => {
    const facts = {
      types: [
        { schema: 'public', name: 'price', kind: 'domain', base: 'public."inner price"' },
        { schema: 'public', name: 'inner price', kind: 'domain', base: 'numeric(10,2)' },
        { schema: 'public', name: 'mood', kind: 'enum', labels: ['sad'] },
      ],
    };
    const lines = await exported('jsonl', { columns: [{ name: 'v', type }], rows: [[value], [null]], facts });
    expect(lines).toBe(`{"v":${json}}\n{"v":null}\n`);
  });

  it('holds the names and values of anybody, and stays one object a line', async () => {
    const names = ['__proto__', 'a "b"', '\n'];
    const rows = VALUES.map((value) => [value, null, value]);
    const lines = (await exported('jsonl', { columns: names.map(text), rows })).split('\n');
    expect(lines.pop()).toBe('');
    const values = lines.map((line) => Object.entries(JSON.parse(line)));
    expect(values).toEqual(rows.map((row) => names.map((name, index) => [name, row[index]])));
  });
});

describe('an export of many rows', () => {
  it('of 150,000 rows holds each of them once', async () => {
    const repository = await initRepository(new MemoryStore(), keyFile);
    const rows = rowsOf(150_000);
    const manifest = await backUp(repository, rows);
    const jsonl = (await exportText(repository, manifest, { format: 'jsonl' })).get('public.t.jsonl') ?? '';
    const lines = jsonl.trimEnd().split('\n');
    expect(lines.length).toBe(rows.size);
    expect([lines[0], lines.at(-1)]).toEqual(['{"id":"0","v":"value 0"}', '{"id":"149999","v":"value 149999"}']);
  });

  it.each(['sql', 'csv', 'jsonl'] as const)(
    'as %s keeps no more of it in memory than some ranges (I12)',
    async (format) => {
      const repository = await initRepository(new MemoryStore(), keyFile);
      const manifest = await backUp(repository, rowsOf(1));
      const lines = Array.from({ length: 8000 }, (_, id) => joinLine([String(id), 'x'.repeat(120)]));
      const bytes = Buffer.concat(lines);
      let end = 0;
      const ends = lines.map((line) => (end += line.length));
      // A megabyte a range, 60 of them.
      const table = { ...tableOf(manifest), rows: 60 * lines.length };
      const source = {
        async *readRows(): AsyncGenerator<RowBatch> {
          for (let range = 0; range < 60; range++) yield { bytes, ends };
        },
      };
      const most = await mostMemory(source, { ...manifest, tables: [table] }, format);
      expect(most.written).toBeGreaterThan(60_000_000);
      expect(most.grownBytes).toBeLessThan(40_000_000);
    },
  );
});

/** What is garbage already is not kept. */
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

async function mostMemory(
  source: Parameters<typeof exportFiles>[0],
  manifest: Manifest,
  format: ExportFormat,
): Promise<{ written: number; grownBytes: number }> {
  const used = () => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = used();
  let written = 0;
  let most = 0;
  let chunks = 0;
  const options = { format, tables: manifest.tables, secrets: 'left-out', content: 'structure-and-rows' } as const;
  for await (const file of exportFiles(source, outlineExport(manifest, options)))
    for await (const chunk of file.chunks) {
      written += chunk.length;
      if (chunks++ % 5 === 0) most = Math.max(most, used());
    }
  return { written, grownBytes: most - before };
}
