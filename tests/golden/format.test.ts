import { createDecipheriv, createHash, createHmac, hkdfSync } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { GOLDEN, GOLDEN_FOLDER } from './repositories.ts';

/** A reader of docs/format.md and of nothing else: no line of the product is called here. */
const sha256 = (...parts: (string | Buffer)[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const derive = (key: Buffer, salt: Buffer | string, info: string) =>
  Buffer.from(hkdfSync('sha256', key, salt, info, 32));

interface Secrets {
  readonly root: Buffer;
  readonly id: Buffer;
}

interface Reference {
  readonly id: string;
  readonly pack: string;
  readonly offset: number;
  readonly length: number;
  readonly plainBytes: number;
  readonly compression: 'none' | 'gzip' | 'zstd';
}

const UNPACK = { none: (bytes: Buffer) => bytes, gzip: zlib.gunzipSync, zstd: zlib.zstdDecompressSync };
const COMPRESSIONS = ['none', 'gzip', 'zstd'] as const;

function unseal(key: Buffer | null, sealed: Buffer, associated: readonly unknown[]): Buffer {
  const data = JSON.stringify(associated);
  if (key === null) {
    const body = sealed.subarray(0, -32);
    expect(sealed.subarray(-32)).toEqual(sha256(data, body));
    return body;
  }
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12), { authTagLength: 16 });
  decipher.setAAD(Buffer.from(data)).setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
}

describe.each(GOLDEN.filter(({ key }) => key.kind !== 'passphrase'))(
  'docs/format.md on the golden repository $name',
  ({ name, key }) => {
    const root = path.join(GOLDEN_FOLDER, name, 'repository');
    const file = (object: string) => readFileSync(path.join(root, object));
    const config = JSON.parse(file('cofre.json').toString());
    const secrets = key.kind === 'key-file' ? openKeys(Buffer.from(key.bytes)) : null;

    function openKeys(keyFile: Buffer): Secrets {
      const [slot] = readdirSync(path.join(root, 'keys'));
      const { id, rootKeyId, kind, createdAt, kdf, wrapped } = JSON.parse(file(`keys/${slot}`).toString());
      const wrapping = derive(keyFile, Buffer.from(kdf.salt, 'hex'), 'cofre/1 key-file');
      const sorted = JSON.stringify(Object.entries(kdf).toSorted(([a], [b]) => (a < b ? -1 : 1)));
      const plain = unseal(wrapping, Buffer.from(wrapped, 'base64'), [
        config.id,
        id,
        rootKeyId,
        kind,
        createdAt,
        sorted,
      ]);
      return { root: plain.subarray(0, 32), id: plain.subarray(32) };
    }

    function openObject(object: string, kind: string): Buffer {
      const bytes = file(object);
      return openSealed(bytes, { object, kind });
    }

    function openSealed(bytes: Buffer, { object, kind }: { object: string; kind: string }): Buffer {
      const header = bytes.subarray(0, 64);
      expect([header.toString('latin1', 0, 8), header[8], header[9]]).toEqual([
        'COFREOBJ',
        1,
        secrets === null ? 0 : 1,
      ]);
      const sealing = secrets === null ? null : derive(secrets.root, header.subarray(32), 'cofre/1 object');
      const packed = unseal(sealing, bytes.subarray(64), [config.id, object, kind, header.toString('hex')]);
      const plain = UNPACK[COMPRESSIONS[header[11] ?? 0] ?? 'none'](packed);
      expect(plain.length).toBe(header.readUInt32LE(12));
      return plain;
    }

    function readBlock(ref: Reference, kind: string): Buffer {
      const object = `packs/${ref.pack.slice(0, 2)}/${ref.pack}.pack`;
      const pack = file(object);
      expect([pack.toString('latin1', 0, 8), pack[8], pack.toString('latin1', pack.length - 8)]).toEqual([
        'COFREPAK',
        1,
        'COFREEND',
      ]);
      const sealing = secrets === null ? null : derive(secrets.root, pack.subarray(26, 58), 'cofre/1 pack');
      const associated = [config.id, object, kind, 1, ref.compression, ref.id, ref.plainBytes];
      const packed = unseal(sealing, pack.subarray(ref.offset, ref.offset + ref.length), associated);
      const plain = UNPACK[ref.compression](packed);
      const blockId =
        secrets === null
          ? sha256(plain)
          : createHmac('sha256', derive(secrets.id, config.id, 'cofre/1 block-id'))
              .update(plain)
              .digest();
      expect(blockId.toString('hex')).toBe(ref.id);
      return plain;
    }

    it('opens cofre.json as it says, and finds a changed one', () => {
      const body = JSON.stringify([
        config.format,
        config.id,
        config.createdAt,
        config.encryption,
        config.compression,
        config.rootKeyIds,
      ]);
      expect(config.checksum).toBe(sha256(body).toString('hex'));
      const mac =
        secrets === null
          ? null
          : createHmac('sha256', derive(secrets.id, config.id, 'cofre/1 config'))
              .update(body)
              .digest('hex');
      expect(config.mac).toBe(mac);
    });

    it('reads the rows of every backup as it says, deltas and all', () => {
      const [implementation] = readdirSync(path.join(root, 'backups'));
      const backups = readdirSync(path.join(root, 'backups', implementation ?? ''));
      for (const backup of backups) {
        const manifest = JSON.parse(openObject(`backups/${implementation}/${backup}`, 'manifest').toString());
        expect([manifest.backupId, manifest.repositoryId]).toEqual([backup, config.id]);
        const [table] = manifest.tables;
        const rows: string[] = [];
        for (const page of table.ranges)
          for (const range of JSON.parse(readBlock(page, 'ranges').toString()))
            rows.push(...rowsOf(range, table.key.length));
        const expected = readFileSync(path.join(GOLDEN_FOLDER, name, 'expected', `${backup}.txt`), 'utf8');
        expect(rows.map((row) => `${row}\n`).join('')).toBe(expected);
      }
    });

    /** Keys here are one integer column, or there is none and there are no deltas. */
    function rowsOf(
      range: {
        base: { rows: Reference; keys: Reference | null };
        deltas: Record<'upserts' | 'deletes', Reference | null>[];
      },
      keyColumns: number,
    ): string[] {
      const linesOf = (ref: Reference | null, kind: string) =>
        ref === null ? [] : readBlock(ref, kind).toString().split('\n').slice(0, -1);
      const base = linesOf(range.base.rows, 'rows');
      if (keyColumns === 0) return base;
      const keyOf = (line: string) => line.split('\t')[0] ?? '';
      let last = 0;
      expect(linesOf(range.base.keys, 'keys').map((step) => String((last += Number(step))))).toEqual(base.map(keyOf));
      const rows = new Map(base.map((line) => [keyOf(line), line]));
      for (const { upserts, deletes } of range.deltas) {
        for (const deleted of linesOf(deletes, 'deletes')) rows.delete(deleted);
        for (const line of linesOf(upserts, 'upserts')) rows.set(keyOf(line), line);
      }
      return [...rows].toSorted(([a], [b]) => Number(a) - Number(b)).map(([, line]) => line);
    }

    it('finds the index at the end of every pack, and its blocks without gaps', () => {
      const packs = readdirSync(path.join(root, 'packs'), { recursive: true })
        .map(String)
        .filter((it) => it.endsWith('.pack'));
      for (const entry of packs) {
        const object = `packs/${entry}`;
        const pack = file(object);
        const indexBytes = pack.readUInt32LE(pack.length - 12);
        const index = openSealed(pack.subarray(pack.length - 12 - indexBytes, -12), { object, kind: 'pack-index' });
        let offset = 58;
        for (const block of JSON.parse(index.toString())) {
          expect(block.offset).toBe(offset);
          offset += block.length;
        }
        expect(offset).toBe(pack.length - 12 - indexBytes);
      }
    });
  },
);
