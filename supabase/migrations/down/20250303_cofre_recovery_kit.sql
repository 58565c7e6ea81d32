-- The way back from 20250303_cofre_recovery_kit.
ALTER TABLE cofre.repository_pin DROP COLUMN IF EXISTS kit_taken_at, DROP COLUMN IF EXISTS kit_taken_by_name;
DELETE FROM cofre.schema_migrations WHERE name = '20250303_cofre_recovery_kit';
