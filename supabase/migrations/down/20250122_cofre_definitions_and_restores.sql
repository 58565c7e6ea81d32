-- The way back from 20250122_cofre_definitions_and_restores. Lost with it: definitions, the scopes of implementations, the
-- history of restores, and the pinned repository. Backups stay, and so does the repository.
DROP TABLE IF EXISTS cofre.repository_pin, cofre.restores, cofre.lineage, cofre.implementation_settings,
  cofre.module_definitions;
DELETE FROM cofre.schema_migrations WHERE name = '20250122_cofre_definitions_and_restores';
