-- Cofre, whether the recovery kit of an encrypted repository was handed out. It holds the key, so it is given once.
--
-- Applied unchanged by Supabase or by `cofre db migrate`, on PostgreSQL 14 to 18; may run again at any time.
-- The way back is down/20250303_cofre_recovery_kit.sql.

ALTER TABLE cofre.repository_pin
  ADD COLUMN IF NOT EXISTS kit_taken_at timestamptz,
  ADD COLUMN IF NOT EXISTS kit_taken_by_name text;

INSERT INTO cofre.schema_migrations (name) VALUES ('20250303_cofre_recovery_kit') ON CONFLICT DO NOTHING;
