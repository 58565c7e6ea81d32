/** How many implementations, in how many modules, what `fillLists` writes is of. */
export const LIST_IMPLEMENTATIONS = 20;
const MODULES = 4;

type Query = (sql: string, params?: unknown[]) => Promise<unknown>;

/** A UUID of the kind that everything here has, made of a text. */
const uuidOf = (text: string) => `overlay(overlay(md5(${text}) PLACING '4' FROM 13) PLACING 'a' FROM 17)::uuid`;

/** The id of the implementation `m<n % 4>/k<n>`, as SQL. */
export const implementationIdSql = (n: string) => uuidOf(`'i' || ${n}`);

/** Four share each moment, so that pages end between equals. */
const MOMENT = `timestamptz '2025-01-01 00:00:00.123456+00' + (i / 4) * interval '40 minutes 0.000001 seconds'`;
const IMPLEMENTATION = `${implementationIdSql(`i % ${LIST_IMPLEMENTATIONS}`)}, 'm' || i % ${MODULES}, 'k' || i % ${LIST_IMPLEMENTATIONS}`;

const BACKUPS = `
  INSERT INTO public.module_backups (source_implementation_id, module_slug, implementation_key, id, backup_type, status,
    completed_at, file_path, checksum, repository_id, encrypted, compression, stats, error,
    created_at, created_by_name, expires_at, expiry_source, held, description, size_bytes, origin, safety)
  SELECT ${IMPLEMENTATION}, ${uuidOf(`'b' || i`)},
    (ARRAY['full', 'incremental', 'config_only'])[1 + i % 3], status,
    CASE status WHEN 'completed' THEN ${MOMENT} + interval '1 minute' END, 'manifests/' || i, 'sha256:' || md5(i::text) || md5(i::text),
    ${uuidOf(`'repository'`)}, true, 'zstd',
    jsonb_build_object('tables', 3, 'rows', i, 'rowsRead', i, 'rowsChanged', i % 100, 'bytesRaw', i * 90, 'bytesStored',
      i * 7, 'blocksNew', 3, 'blocksReused', 2, 'durationMs', i % 3000),
    CASE status WHEN 'failed' THEN '{"code": "database/failed", "params": {}, "message": "It failed."}'::jsonb END,
    ${MOMENT}, 'ana@example.org',
    CASE WHEN i % 7 = 0 OR status = 'failed' THEN NULL ELSE timestamptz '2025-01-15' + (i % 13) * interval '1 day' END, 'policy',
    i % 41 = 0, CASE WHEN i % 100 = 0 THEN 'Antes da importação nº ' || i END,
    CASE WHEN i % 11 = 0 OR status = 'failed' THEN NULL ELSE (i * 7919::bigint) % 100000 END,
    CASE WHEN i % 90 = 0 THEN 'safety' WHEN i % 4 = 0 THEN 'manual' ELSE 'scheduled' END, i % 90 = 0
  FROM (SELECT i, CASE WHEN i % 51 = 0 THEN 'canceled' WHEN i % 33 = 0 THEN 'failed' ELSE 'completed' END AS status
        FROM generate_series(1, $1) AS i) AS s`;

const RESTORES = `
  INSERT INTO cofre.restores (implementation_id, module_slug, implementation_key, id, purpose, plan_id, backup_id, mode, status, tables,
    verified, duration_ms, created_at, created_by_name)
  SELECT ${IMPLEMENTATION}, ${uuidOf(`'r' || i`)}, CASE WHEN i % 9 = 0 THEN 'undo' ELSE 'restore' END, ${uuidOf(`'p' || i`)},
    ${uuidOf(`'b' || i`)}, 'merge', CASE WHEN i % 50 = 0 THEN 'failed' ELSE 'completed' END,
    '[{"table": "public.item", "inserted": 1, "updated": 2, "deleted": 0}]', true, i % 5000, ${MOMENT}, 'ana@example.org'
  FROM generate_series(1, $1) AS i`;

const JOBS = `
  INSERT INTO cofre.jobs (implementation_id, module_slug, implementation_key, id, kind, state, created_at, created_by_name, started_at, ended_at)
  SELECT ${IMPLEMENTATION}, ${uuidOf(`'j' || i`)}, (ARRAY['create-backup', 'verify-backup', 'apply-restore'])[1 + i % 3],
    CASE WHEN i % 77 = 0 THEN 'failed' WHEN i % 500 = 0 THEN 'waiting' ELSE 'completed' END, ${MOMENT}, 'ana@example.org', ${MOMENT}, ${MOMENT}
  FROM generate_series(1, $1) AS i`;

const PROGRESS = `
  INSERT INTO cofre.job_progress (job_id, phase, table_name, rows, rows_total, bytes, elapsed_ms)
  SELECT id, 'read', 'public.item', 10, 20, 1000, 5000 FROM cofre.jobs`;

const AUDIT = `
  INSERT INTO cofre.v_audit_logs (implementation_id, module_slug, implementation_key, id, created_at, action, outcome, user_id, actor_kind,
    actor_name, backup_id, details)
  SELECT ${IMPLEMENTATION}, ${uuidOf(`'a' || i`)}, ${MOMENT},
    (ARRAY['CREATE_MODULE_BACKUP', 'RESTORE_MODULE_BACKUP', 'DELETE_MODULE_BACKUP', 'ACCESS_DENIED'])[1 + i % 4],
    CASE WHEN i % 4 = 3 THEN 'refused' WHEN i % 70 = 0 THEN 'failed' ELSE 'done' END, ${uuidOf(`'u' || i % 30`)}, 'person',
    'person ' || i % 30, ${uuidOf(`'b' || i`)}, '{"rows": 3}'
  FROM generate_series(1, $1) AS i`;

const NOTIFICATIONS = `
  INSERT INTO cofre.v_admin_notifications (id, created_at, updated_at, kind, severity, dedupe_key, params, implementation_id, read_at)
  SELECT ${uuidOf(`'n' || i`)}, ${MOMENT}, ${MOMENT}, 'backup-failed', 'error', 'k' || i, '{"code": "database/failed"}',
    ${implementationIdSql(`i % ${LIST_IMPLEMENTATIONS}`)}, CASE WHEN i % 4 = 0 THEN NULL ELSE now() END
  FROM generate_series(1, $1) AS i`;

/** Fills every list of the catalogue with `count` rows, as databases in long use have them, and tells the planner. */
export async function fillLists(query: Query, count: number): Promise<void> {
  for (const sql of [RESTORES, JOBS, AUDIT, NOTIFICATIONS]) await query(sql, [count]);
  await query(PROGRESS);
  await fillBackups(query, count);
}

/** The same for the list of backups alone. */
export async function fillBackups(query: Query, count: number): Promise<void> {
  await query(BACKUPS, [count]);
  await query('VACUUM (ANALYZE)');
}
