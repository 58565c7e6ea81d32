-- Takes 20250301_cofre_auth.sql back. Passwords and sessions are lost; who may do what stays in auth.users.
DROP SCHEMA IF EXISTS cofre_auth CASCADE;
DELETE FROM cofre.schema_migrations WHERE name = '20250301_cofre_auth';
