-- The way back from 20250203_cofre_service_grants. What the service could do besides was nobody's decision and is not given
-- back.
DELETE FROM cofre.schema_migrations WHERE name = '20250203_cofre_service_grants';
