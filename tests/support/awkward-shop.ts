import type { Definition } from '../../packages/contracts/src/index.ts';

/**
 * A small schema with everything that makes putting rows back hard: a circle of foreign keys, triggers that rewrite and that
 * write elsewhere, rules, inheritance children, partitions, constraints of every kind, names that need quotes.
 * Rows of shop 1 are the slice, those of shops 2 and 3 are others'.
 */
export const AWKWARD_SCHEMA = `
CREATE SCHEMA "Ünit 📦";
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE TYPE mood AS ENUM ('good', 'bad', 'ugly');
CREATE DOMAIN price AS numeric(10,2) CHECK (VALUE >= 0);

CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.last_update := now(); RETURN NEW; END $$;
CREATE TABLE audit (id bigserial PRIMARY KEY, what text, at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION write_audit() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN INSERT INTO audit (what) VALUES (TG_OP || ' ' || TG_TABLE_NAME); RETURN NULL; END $$;

CREATE TABLE city (id int PRIMARY KEY, name text NOT NULL);

CREATE TABLE shop (id int PRIMARY KEY, name text, manager int NOT NULL, last_update timestamptz NOT NULL DEFAULT '2020-01-01');
CREATE TABLE staff (id serial PRIMARY KEY, shop int NOT NULL, name text, boss int REFERENCES staff, email text,
  last_update timestamptz NOT NULL DEFAULT '2020-01-01');
CREATE UNIQUE INDEX ON staff (lower(email)) WHERE email <> '';
ALTER TABLE shop ADD FOREIGN KEY (manager) REFERENCES staff, ADD UNIQUE (manager);

CREATE TABLE "Ünit 📦"."sh""elf 📚" ("shop Nr" int NOT NULL REFERENCES shop, "naïve ""key""" text, "select" int UNIQUE,
  color mood, PRIMARY KEY ("shop Nr", "naïve ""key"""));

CREATE TABLE item (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, shop int NOT NULL REFERENCES shop,
  city int REFERENCES city ON UPDATE CASCADE ON DELETE RESTRICT, label text NOT NULL, price price, tags text[],
  parent bigint REFERENCES item ON DELETE CASCADE,
  upper_label text GENERATED ALWAYS AS (upper(label)) STORED, last_update timestamptz NOT NULL DEFAULT '2020-01-01');
CREATE INDEX ON item (shop);
CREATE TRIGGER touched BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON item FOR EACH ROW EXECUTE FUNCTION write_audit();
CREATE TRIGGER touched BEFORE UPDATE ON shop FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER touched BEFORE UPDATE ON staff FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE staff ADD FOREIGN KEY (shop) REFERENCES shop;

CREATE TABLE payment (id serial PRIMARY KEY, item bigint REFERENCES item ON DELETE SET NULL, amount price NOT NULL, paid date NOT NULL);
CREATE TABLE payment_2024 (CHECK (paid < '2025-01-01'), PRIMARY KEY (id), FOREIGN KEY (item) REFERENCES item) INHERITS (payment);
CREATE RULE to_2024 AS ON INSERT TO payment WHERE NEW.paid < '2025-01-01' DO INSTEAD
  INSERT INTO payment_2024 VALUES (NEW.id, NEW.item, NEW.amount, NEW.paid);
CREATE RULE never AS ON DELETE TO payment WHERE OLD.amount = 300 DO INSTEAD NOTHING;

CREATE TABLE event (shop int NOT NULL, at date NOT NULL, n int, what text, PRIMARY KEY (shop, at, n)) PARTITION BY RANGE (at);
CREATE TABLE event_old PARTITION OF event FOR VALUES FROM (MINVALUE) TO ('2025-01-01');
CREATE TABLE event_new PARTITION OF event FOR VALUES FROM ('2025-01-01') TO (MAXVALUE) PARTITION BY HASH (n);
CREATE TABLE event_new_0 PARTITION OF event_new FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE event_new_1 PARTITION OF event_new FOR VALUES WITH (MODULUS 2, REMAINDER 1);

CREATE TABLE booking (id int PRIMARY KEY, shop int NOT NULL, room int NOT NULL, during tsrange NOT NULL,
  EXCLUDE USING gist (room WITH =, during WITH &&));
CREATE TABLE slot (id int PRIMARY KEY, shop int NOT NULL, place int NOT NULL, UNIQUE (shop, place) DEFERRABLE INITIALLY IMMEDIATE);
CREATE TABLE rank (id int PRIMARY KEY, shop int NOT NULL, place int NOT NULL CHECK (place < 1000), UNIQUE (shop, place));
CREATE TABLE log (shop int, line text, data json);
`;

export const AWKWARD_ROWS = `
INSERT INTO city SELECT i, 'city ' || i FROM generate_series(1, 20) i;
BEGIN;
ALTER TABLE shop DISABLE TRIGGER ALL;
INSERT INTO shop SELECT i, 'shop ' || i, i FROM generate_series(1, 3) i;
ALTER TABLE shop ENABLE TRIGGER ALL;
INSERT INTO staff (shop, name, boss, email) SELECT 1 + (i - 1) % 3, 'staff ' || i, CASE WHEN i > 3 THEN i - 3 END, 'Staff' || i || '@x.org' FROM generate_series(1, 30) i;
COMMIT;
INSERT INTO "Ünit 📦"."sh""elf 📚" SELECT s, 'shelf	' || i || '\\ "', s * 1000 + i, 'good' FROM generate_series(1, 3) s, generate_series(1, 20) i;
INSERT INTO item (shop, city, label, price, tags, parent)
  SELECT 1 + i % 3, 1 + i % 20, 'item ' || i, i, ARRAY['a', NULL, 'ü"' || i], CASE WHEN i > 30 THEN i - 30 END FROM generate_series(1, 900) i;
INSERT INTO payment (item, amount, paid) SELECT i, i, date '2024-06-01' + i FROM generate_series(1, 900) i;
INSERT INTO payment (item, amount, paid) SELECT i, 100, '2025-06-01' FROM generate_series(1, 30) i;
INSERT INTO event SELECT s, date '2024-12-01' + i, i, 'event' FROM generate_series(1, 3) s, generate_series(1, 60) i;
INSERT INTO booking SELECT i, 1 + i % 3, i % 5, tsrange('2025-01-01'::timestamp + i * interval '1 day', '2025-01-01'::timestamp + (i + 1) * interval '1 day') FROM generate_series(1, 90) i;
INSERT INTO slot SELECT i, 1 + i % 3, i / 3 FROM generate_series(1, 90) i;
INSERT INTO rank SELECT i, 1 + i % 3, i / 3 FROM generate_series(1, 90) i;
INSERT INTO log SELECT 1 + i % 3, 'line ' || i % 7, json_build_object('n', i % 7) FROM generate_series(1, 100) i;
INSERT INTO log VALUES (1, NULL, NULL), (1, NULL, NULL), (1, '', '{}');
TRUNCATE audit;
`;

/** What goes wrong in shop 1. */
export const AWKWARD_DAMAGE = `
UPDATE shop SET name = 'broken' WHERE id = 1;
UPDATE shop SET manager = 4 WHERE id = 1;
DELETE FROM staff WHERE id IN (28, 25);
UPDATE staff SET boss = NULL WHERE boss = 1;
DELETE FROM staff WHERE id = 1;
UPDATE staff SET email = CASE id WHEN 7 THEN 'staff10@X.ORG' WHEN 10 THEN '' ELSE email END WHERE id IN (7, 10) AND id = 10;
UPDATE staff SET email = 'staff10@X.ORG' WHERE id = 7;
DELETE FROM "Ünit 📦"."sh""elf 📚" WHERE "shop Nr" = 1 AND "select" % 3 = 0;
UPDATE "Ünit 📦"."sh""elf 📚" SET color = 'ugly' WHERE "shop Nr" = 1;
DELETE FROM payment_2024 WHERE item IN (SELECT id FROM item WHERE shop = 1 AND id % 5 = 0);
DELETE FROM payment_2024 WHERE item IN (SELECT id FROM item WHERE shop = 1 AND parent IS NOT NULL);
ALTER TABLE payment DISABLE RULE never;
DELETE FROM payment WHERE item IN (SELECT id FROM item WHERE shop = 1 AND parent IS NOT NULL);
ALTER TABLE payment ENABLE RULE never;
UPDATE payment SET amount = amount + 1 WHERE item IN (SELECT id FROM item WHERE shop = 1 AND id % 7 = 0);
DELETE FROM item WHERE shop = 1 AND parent IS NOT NULL;
UPDATE item SET price = 0, label = 'broken' WHERE shop = 1 AND id % 2 = 0;
UPDATE item SET city = 3 WHERE shop = 1 AND id % 6 = 1;
DELETE FROM event WHERE shop = 1 AND n < 20;
UPDATE event SET what = 'x' WHERE shop = 1 AND n > 50;
DELETE FROM booking WHERE shop = 1 AND id < 40;
UPDATE booking SET during = tsrange(lower(during) - interval '100 years', upper(during) - interval '100 years') WHERE shop = 1;
BEGIN; SET CONSTRAINTS ALL DEFERRED; UPDATE slot SET place = 29 - place WHERE shop = 1; COMMIT;
UPDATE rank SET place = place + 500 WHERE shop = 1; UPDATE rank SET place = 529 - place WHERE shop = 1;
DELETE FROM log WHERE shop = 1 AND line IN ('line 3', 'line 5');
`;

const byShop = (table: string, role: 'config' | 'data' = 'data', column = 'shop'): Definition['tables'][number] => ({
  table,
  role,
  scope: { columns: { [column]: 'id' } },
});

const byItem = (table: string): Definition['tables'][number] => ({
  table,
  role: 'data',
  scope: { parent: 'public.item', columns: { item: 'id' } },
});

export const AWKWARD_DEFINITION: Definition = {
  version: 1,
  module: 'awkward',
  root: { table: 'public.shop', key: ['id'] },
  tables: [
    byShop('public.shop', 'config', 'id'),
    byShop('public.staff', 'config'),
    byShop('"Ünit 📦"."sh""elf 📚"', 'config', 'shop Nr'),
    byShop('public.item'),
    byItem('public.payment'),
    byItem('public.payment_2024'),
    byShop('public.event'),
    byShop('public.booking'),
    byShop('public.slot'),
    byShop('public.rank'),
    byShop('public.log'),
  ],
  references: ['public.city'],
};

/** Rows of a table that belong to shop 1, or to the others, as one text each, in order. */
const SLICE_CONDITIONS: Readonly<Record<string, string>> = {
  shop: 'id = 1',
  staff: 'shop = 1',
  '"Ünit 📦"."sh""elf 📚"': '"shop Nr" = 1',
  item: 'shop = 1',
  'ONLY payment': 'item IN (SELECT id FROM item WHERE shop = 1)',
  payment_2024: 'item IN (SELECT id FROM item WHERE shop = 1)',
  event: 'shop = 1',
  booking: 'shop = 1',
  slot: 'shop = 1',
  rank: 'shop = 1',
  log: 'shop = 1',
};

export type Checksums = Readonly<Record<string, string>>;

type Query = (sql: string) => Promise<{ rows: unknown[] }>;

async function checksums(
  query: Query,
  condition: (own: string) => string,
  more: readonly string[],
): Promise<Checksums> {
  const tables = [...Object.entries(SLICE_CONDITIONS), ...more.map((table) => [table, 'false'] as const)];
  const sums: Record<string, string> = {};
  for (const [table, own] of tables) {
    const { rows } = await query(
      `SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text COLLATE "C")), '') AS sum
         FROM ${table} AS t WHERE ${condition(own)}`,
    );
    sums[table] = String(Object.values(rows[0] ?? {})[0]);
  }
  return sums;
}

export function sliceChecksums(query: Query): Promise<Checksums> {
  return checksums(query, (own) => `(${own})`, []);
}

/** Of every other row of the database. */
export function outsideChecksums(query: Query): Promise<Checksums> {
  return checksums(query, (own) => `(${own}) IS NOT TRUE`, ['city', 'audit']);
}
