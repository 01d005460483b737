-- Which schema this is.

-- The schema in force, as the last `db upgrade` recorded it: Alembic's revision and the fingerprints of the shipped files.
-- server/database/schema_revision.py compares it with the program's own.
CREATE OR REPLACE FUNCTION schema_revision() RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('revision', version_num, 'tables', tables_fingerprint, 'functions', functions_fingerprint)
    FROM alembic_version, installed_schema
$$;
